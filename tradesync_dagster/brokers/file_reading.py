"""Files that people give: checking them, and reading CSV by the names of its columns.

A line is read by itself, so that a quote left open costs its own line and not the rest of the
file; columns stand in any order, and ones that nobody knows are passed over. What belongs here:
bytes, lines and columns within bounds. What does not: a format's fields (``tradebooks``,
``record_files``), values that brokers send too (``reading``).
"""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

from tradesync_dagster.brokers import reading
from tradesync_dagster.domain.answers import Reject
from tradesync_dagster.domain.errors import FileRefusedError, ValueRefusedError

ISIN: Final = re.compile(r"[A-Z]{2}[A-Z0-9]{9}\d", re.ASCII)

_MAX_RAW: Final = 4096
"""Most characters of a bad row that is kept as evidence."""
_MAX_LINE: Final = 16_384
"""Most bytes of a line; a real one has some 200."""
_HEAD: Final = 4096
_BOM: Final = b"\xef\xbb\xbf"
_SHOWN: Final = 40
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

RowT = TypeVar("RowT")
_Line = tuple[int, bytes | None, int]


@dataclass(frozen=True, slots=True)
class FileKind:
    """What a file should be, and what to say to people when it is not.

    Attributes:
        name: Such as ``tradebook``.
        as_csv: How to come by it as CSV.
        again: What to do when its text is in no encoding that is read.
        unknown: Said of a file whose columns are others; ``{}`` is how that begins.
        required: Columns that it must have.
        row_id: The column that names a row.
    """

    name: str
    as_csv: str
    again: str
    unknown: str
    required: tuple[str, ...]
    row_id: str


def open_checked(path: Path, kind: FileKind) -> tuple[bytes, int]:
    """Look at a file's first bytes.

    Args:
        path: A file that somebody gives.
        kind: What it should be.

    Returns:
        The first bytes, and the size of the whole.

    Raises:
        FileRefusedError: It is not there, empty, a workbook, or in an encoding that is not read.
    """
    try:
        if not path.is_file():
            what = "is not a file" if path.exists() else "does not exist"
            raise FileRefusedError(f"{path.name or path}: {what}")
        with path.open("rb") as stream:
            head, size = stream.read(_HEAD), path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from None
    if not head.removeprefix(_BOM).strip():
        raise FileRefusedError(f"{path.name}: the file is empty")
    if head.startswith(b"PK\x03\x04"):
        raise FileRefusedError(f"{path.name}: this is an Excel workbook; {kind.as_csv}")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or 4 * head[:64].count(0) > len(head[:64]):
        raise FileRefusedError(f"{path.name}: the file is UTF-16 text; {kind.again}")
    return head, size


def unreadable(path: Path, error: OSError) -> FileRefusedError:
    """Say that the system cannot read a file."""
    return FileRefusedError(f"{path.name}: the file cannot be read: {error.strerror or error}")


def read_csv(
    stream: BinaryIO, name: str, kind: FileKind, parse: Callable[[Mapping[str, str]], RowT]
) -> Iterator[tuple[int, RowT | Reject, int]]:
    """Read a CSV file line by line.

    Args:
        stream: The file's bytes from the start.
        name: The file's name, for sentences.
        kind: What it should be.
        parse: Makes something of a row's texts by column, or raises ``ValueRefusedError``.

    Yields:
        Line number, what was made of it or why that cannot be, and bytes of the file read so far;
        for each line below the header that is not blank.

    Raises:
        FileRefusedError: The file as a whole cannot be read: header, encoding.
    """
    lines = _lines(stream)
    columns = _header(lines, name, kind)
    for number, raw, offset in lines:
        if raw is None:
            yield number, Reject("", f"the line is longer than {_MAX_LINE} bytes", ""), offset
        elif raw.strip():
            line = _text(raw, number, name, kind)
            row: dict[str, str] = {}
            try:
                row = _named(columns, _fields(line))
                found: RowT | Reject = parse(row)
            except ValueRefusedError as error:
                shown = json.dumps(row or line, ensure_ascii=False)[:_MAX_RAW]
                row_id = reading.harmless(row.get(kind.row_id, ""), limit=80)
                found = Reject(row_id, str(error), shown)
            yield number, found, offset


def day(row: Mapping[str, Any], name: str) -> date:
    """Read a day as YYYY-MM-DD.

    Raises:
        ValueRefusedError: It is missing, or something else.
    """
    value = reading.text(row, name)
    try:
        return date.fromisoformat(value if _DAY.fullmatch(value) else "")
    except ValueError:
        raise ValueRefusedError(f"{name}: {value[:_SHOWN]!r} is not a day as YYYY-MM-DD") from None


def _lines(stream: BinaryIO) -> Iterator[_Line]:
    """Split the file at line feeds; an overlong line is read past and given as ``None``."""
    number = offset = 0
    while raw := stream.readline(_MAX_LINE + 1):
        number += 1
        offset += len(raw)
        if len(raw) <= _MAX_LINE or raw.endswith(b"\n"):
            yield number, raw.rstrip(b"\r\n"), offset
            continue
        while rest := stream.readline(_MAX_LINE):
            offset += len(rest)
            if rest.endswith(b"\n"):
                break
        yield number, None, offset


def _header(lines: Iterator[_Line], name: str, kind: FileKind) -> list[str]:
    for number, raw, _ in lines:
        if raw is None:
            raise FileRefusedError(
                f"{name}: line {number} is longer than {_MAX_LINE} bytes, so that this is no "
                f"{kind.name}, or its lines do not end in a line feed"
            )
        line = raw.removeprefix(_BOM)
        if b"\r" in line:
            raise FileRefusedError(
                f"{name}: its lines end in a carriage return alone; {kind.again}"
            )
        if line.strip():
            return _columns(_text(line, number, name, kind), name, kind)
    raise FileRefusedError(f"{name}: the file is empty")


def _columns(line: str, name: str, kind: FileKind) -> list[str]:
    try:
        found = [column.strip().lower() for column in _fields(line)]
    except ValueRefusedError:
        found = []
    missing = [column for column in kind.required if column not in found]
    if 2 * len(missing) > len(kind.required):
        shown = reading.harmless(line, limit=80)
        raise FileRefusedError(f"{name}: {kind.unknown.replace('{}', repr(shown))}")
    if missing:
        raise FileRefusedError(f"{name}: the header lacks the column(s) {', '.join(missing)}")
    twice = sorted({column for column in kind.required if found.count(column) > 1})
    if twice:
        raise FileRefusedError(f"{name}: the header has the column(s) {', '.join(twice)} twice")
    return found


def _text(raw: bytes, number: int, name: str, kind: FileKind) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise FileRefusedError(f"{name}: line {number} is not UTF-8 text; {kind.again}") from None


def _named(columns: Sequence[str], fields: Sequence[str]) -> dict[str, str]:
    if len(fields) != len(columns):
        raise ValueRefusedError(
            f"the line has {len(fields)} values, the header {len(columns)} columns"
        )
    return dict(zip(columns, fields, strict=True))


def _fields(line: str) -> list[str]:
    if "\0" in line:
        raise ValueRefusedError("the line has NUL bytes; the file is damaged there")
    if '"' not in line and "\r" not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as error:
        raise ValueRefusedError(f"the line's quotes or line ends are broken: {error}") from None
