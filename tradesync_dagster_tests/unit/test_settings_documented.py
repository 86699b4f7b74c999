"""docs/settings.md and .env.example name exactly the settings there are, with their defaults."""

import re
from pathlib import Path

from pydantic import AliasChoices

from tradesync_dagster.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def settings() -> dict[str, str]:
    """Every setting's name in the environment, with its default as people write it."""
    found = {}
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        bare = isinstance(alias, AliasChoices)
        default = str(field.default)
        if isinstance(field.default, bool):
            default = default.lower()
        found[str(alias.choices[-1]) if bare else f"TRADESYNC_{name.upper()}"] = default
    return found


def same(written: str, default: str) -> bool:
    """Whether a number is the default, 30 as well as 30.0; other text must be equal."""
    try:
        return float(written) == float(default)
    except ValueError:
        return written == default


def test_the_docs_list_every_setting_with_its_default() -> None:
    table = (ROOT / "docs" / "settings.md").read_text()
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| `")]
    named = {name: row for row in rows for name in re.findall(r"`([A-Z_]+)`", row[0])}
    assert sorted(named) == sorted(settings())
    for name, default in settings().items():
        written = re.fullmatch(r"`(.+)`", named[name][1].strip())
        if written:
            assert same(written[1], default), name
        elif name != "ENVIRONMENT":  # shares its row with the cluster's hosts
            assert default in {"None", ""}, name


def test_the_example_has_a_line_for_every_setting_with_its_default_or_a_form() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert all(line.startswith("#") for line in lines if line)
    named = dict(line[1:].split("=", 1) for line in lines if re.match(r"#[A-Z_]+=", line))
    assert sorted(named) == sorted(settings())
    for name, default in settings().items():
        if default not in {"None", ""}:
            assert same(named[name], default), name
