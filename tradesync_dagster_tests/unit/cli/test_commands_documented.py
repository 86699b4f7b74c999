"""docs/commands.md names every command there is."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer.main

from tradesync_dagster.cli import app

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "commands.md").read_text()


def commands(found: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    inner = getattr(found, "commands", None)
    if inner is None or (path and getattr(found, "invoke_without_command", False)):
        yield path
    for name, command in (inner or {}).items():
        if not command.hidden:
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("path", sorted(commands(typer.main.get_command(app))), ids=" ".join)
def test_every_command_has_its_row(path: tuple[str, ...]) -> None:
    group, *rest = path
    rows = [row for row in TEXT.splitlines() if f"tradesync {group}" in row]
    assert any(all(re.search(rf"\b{word}\b", row) for word in rest) for row in rows), path
