"""Read a table of text: its encoding, its separator, and its rows of cells."""

import csv
import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from vael.errors import DataError

SEPARATORS = ("\t", ";", "|", ",")  # a decimal comma is no separator where another one fits
SAMPLE = 50
UTF16 = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


class TextTable(NamedTuple):
    """Rows of cells as they stand in a file.

    Attributes:
        rows: of stripped cells, all of one length but perhaps the first, which may lack the name
            of the first column.
        lines: number of the last line of each row.
        separator: between the cells.
        notes: what was taken for what, and what was left out.
    """

    rows: list[list[str]]
    lines: list[int]
    separator: str
    notes: list[str]


def read_text_table(path: Path) -> TextTable:
    """Read UTF-8, UTF-16 or Windows-1252 text, separated by comma, semicolon, tab, bar or blanks.

    Rows without any value, and last columns without a name and a value, are left out and told.

    Raises:
        DataError: it is no text, or its rows have different lengths.
    """
    notes: list[str] = []
    text = _decode(path, notes)
    separator = ""
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:  # Excel's own line
        separator, text = first.strip()[-1], rest
    try:
        separator = separator or _find_separator(text)
        read = list(_rows(text, separator))
    except csv.Error as error:
        raise DataError(f"data.path={path} must be comma-separated text, but: {error}") from error
    rows = [[cell.strip() for cell in row] for _, row in read]
    lines = [line for line, _ in read]
    kept = [n for n, row in enumerate(rows) if any(row)]
    if len(kept) < len(rows):
        notes.append(f"{len(rows) - len(kept)} rows without any value are left out")
        rows, lines = [rows[n] for n in kept], [lines[n] for n in kept]
    if rows and rows[0][0].startswith("#") and len(rows) > 1:  # numpy.savetxt's header
        rows[0][0] = rows[0][0].lstrip("# ")
    rows = _without_empty_end(rows, notes)
    width = max((len(row) for row in rows[1:2] or rows), default=0)
    for line, row in zip(lines, rows, strict=True):
        if len(row) != width and not (row is rows[0] and len(row) == width - 1):
            raise DataError(
                f"data.path={path}, line {line}: each row must have {width} "
                f"cells (separated by {_name(separator)}) like the others, got {len(row)}"
            )
    return TextTable(rows, lines, separator, notes)


def _decode(path: Path, notes: list[str]) -> str:
    content = path.read_bytes()
    encoding = UTF16.get(content[:2])
    half = content[:1000]
    if encoding is None and len(half) > 1 and half.count(0) > len(half) // 4:
        encoding = "utf-16-le" if half[1::2].count(0) > half[::2].count(0) else "utf-16-be"
    for known in [encoding] if encoding else ["utf-8-sig", "cp1252"]:
        try:
            text = content.decode(known)
        except UnicodeDecodeError as error:
            problem = error
            continue
        control = next((c for c in text if c < " " and c not in "\t\r\n\f\v\x1a"), None)
        if control is not None:
            raise DataError(
                f"data.path={path} must be comma-separated text, but holds the character "
                f"{control!r}: it is of another format"
            )
        if known != "utf-8-sig":
            name = "Windows-1252 (Latin-1)" if known == "cp1252" else "UTF-16"
            notes.append(f"the text is not UTF-8 and was read as {name}")
        return text.lstrip("\ufeff").replace("\x1a", "")
    raise DataError(f"data.path={path} must be comma-separated text, but: {problem}")


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    lines = io.StringIO(text, newline="")
    blank = separator == " "
    reader = csv.reader(
        (line.strip() for line in lines) if blank else lines,
        delimiter=separator,
        skipinitialspace=True,
    )
    return ((reader.line_num, row) for row in reader if row)


def _find_separator(text: str) -> str:
    """Return the separator by which all rows have one length, of two cells and more."""
    head = text[:1_000_000]
    for separator in SEPARATORS:
        sample = [len(row) for _, row in islice(_rows(head, separator), SAMPLE)]
        widths = set(sample[1:] or sample)
        if len(widths) == 1 and (width := widths.pop()) >= 2 and abs(sample[0] - width) <= 1:
            return separator
    first = next((line for line in head.splitlines() if line.strip()), "")
    most = max(SEPARATORS, key=first.count)
    if first.count(most):
        return most
    return " " if len(first.split()) > 1 else ","


def _without_empty_end(rows: list[list[str]], notes: list[str]) -> list[list[str]]:
    """Leave out last columns that have no value; of the first row, no name."""
    count = 0
    while rows and len(rows) > 1 and all(len(row) > 1 and not row[-1] for row in rows[1:]):
        width = max(len(row) for row in rows[1:])
        if len(rows[0]) >= width and rows[0][-1]:
            break
        rows = [row[:-1] if len(row) == width else row for row in rows]
        count += 1
    if count:
        notes.append(f"{count} empty column{'s' * (count > 1)} at the end left out")
    return rows


def _name(separator: str) -> str:
    return {"\t": "tabs", " ": "blanks"}.get(separator, repr(separator))
