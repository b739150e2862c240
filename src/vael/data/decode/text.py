"""Read a table of text: its encoding, its separator, and its rows of cells."""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from vael.data.decode.numbers import has_comma, is_number
from vael.errors import DataError

SEPARATORS = ("\t", ";", "|", ",")  # a decimal comma is no separator where another one fits
SAMPLE = 50
BOMS = (  # that of UTF-16 begins that of UTF-32
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
OUTDATED = "cp1252"
COMMENT = re.compile(r"#(?!N/?A\b|[A-Z]+(/0)?[!?])")  # and not #N/A or #DIV/0!, as Excel has them


class TextTable(NamedTuple):
    """Rows of cells as they stand in a file.

    Attributes:
        rows: of stripped cells, all of one length but perhaps the first, which may lack the name
            of the first column.
        lines: number of the last line of each row.
        separator: between the cells.
        comments: the lines before the first row that begin with ``#``, without it.
        names: the cells of the last comment, where it has as many as a row; else empty.
        notes: what was taken for what, and what was left out.
    """

    rows: list[list[str]]
    lines: list[int]
    separator: str
    comments: list[str]
    names: list[str]
    notes: list[str]


class _Head(NamedTuple):
    """What may stand before a table: Excel's ``sep=;``, and comments (``# made by ...``)."""

    separator: str
    comments: list[str]
    lines: int


def read_text_table(path: Path) -> TextTable:
    """Read a text of any encoding, separated by comma, semicolon, tab, bar or blanks.

    Rows without any value, and last columns without a name and a value, are left out and told.

    Raises:
        DataError: it is no text, or its rows have different lengths.
    """
    where, notes = f"data.path={path}", list[str]()
    text = list(io.StringIO(_decode(path, notes), newline=""))
    head = _read_head(text)
    body = text[head.lines :]
    try:
        separator = head.separator or _find_separator(body)
        read = list(_rows(body, separator, head.lines, strict=True))
        names = next((row for _, row in _rows(head.comments[-1:], separator)), [])
    except csv.Error as error:
        raise DataError(
            f"{where} must be comma-separated text, but: {error}; a quote closes at the end of "
            "its cell, and is doubled inside of one"
        ) from error
    lines = [line for line, _ in read]
    rows = [[" ".join(cell.splitlines()).strip() for cell in row] for _, row in read]
    for n, (_, row) in enumerate(read[1:], 1):
        if any("\n" in cell or "\r" in cell for cell in row):
            raise DataError(
                f"{where}, line {lines[n]}: a cell in quotes must end in its line, got one that "
                f"begins in line {lines[n - 1] + 1} and takes what follows in; close its quote"
            )
    kept = [n for n, row in enumerate(rows) if any(row)]
    if len(kept) < len(rows):
        notes.append(f"{len(rows) - len(kept)} rows without any value are left out")
        rows, lines = [rows[n] for n in kept], [lines[n] for n in kept]
    rows = _without_empty_end(rows, notes)
    width = max((len(row) for row in rows[1:2] or rows), default=0)
    for line, row in zip(lines, rows, strict=True):
        if len(row) != width and not (row is rows[0] and len(row) == width - 1):
            raise DataError(
                f"{where}, line {line}: each row must have {width} "
                f"cells (separated by {_name(separator)}) like the others, got {len(row)}"
            )
    if len(names) not in (width, width - (separator == " ")):
        names = []
    names = [cell.strip() for cell in names]
    return TextTable(rows, lines, separator, head.comments, names, notes)


def _decode(path: Path, notes: list[str]) -> str:
    content = path.read_bytes()
    encoding = next((name for bom, name in BOMS if content.startswith(bom)), None)
    zeros = [content[at:1000:4].count(0) for at in range(4)]  # a text of Latin letters has them
    if encoding is None and 4 * sum(zeros) > len(content[:1000]):
        size = "utf-32" if 10 * sum(zeros) > 7 * len(content[:1000]) else "utf-16"
        encoding = f"{size}-{'le' if zeros[3] > zeros[0] else 'be'}"
    for known in [encoding] if encoding else ["utf-8-sig", OUTDATED]:
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
            name = "Windows-1252 (Latin-1)" if known == OUTDATED else known[:6].upper()
            notes.append(f"the text is not UTF-8 and was read as {name}")
        return text.lstrip("\ufeff").replace("\x1a", "")
    raise DataError(f"data.path={path} must be comma-separated text, but: {problem}")


def _read_head(text: list[str]) -> _Head:
    separator, comments, count = "", list[str](), 0
    for line in text:
        plain = line.strip(" \r\n")
        if plain[:4].lower() == "sep=" and len(plain) == 5 and not count:
            separator = plain[4]
        elif COMMENT.match(plain):
            comments.append(plain.lstrip("#"))
        elif plain:
            break
        count += 1
    return _Head(separator, comments, count)


def _rows(
    lines: Iterable[str], separator: str, start: int = 0, strict: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each row, with the number of its last line, counted from start + 1."""
    blank = separator == " "
    reader = csv.reader(
        (f"{line.strip()}\n" for line in lines) if blank else lines,
        delimiter=separator,
        skipinitialspace=True,
        strict=strict,
    )
    try:
        for row in reader:
            if row:
                yield start + reader.line_num, row
    except csv.Error as error:
        raise csv.Error(f"line {start + reader.line_num}: {error}") from error


def _find_separator(lines: list[str]) -> str:
    """Return the separator by which all rows have one length, of two cells and more."""
    if _has_decimal_commas(lines):
        return " "
    for separator in SEPARATORS:
        counts = [len(row) for _, row in islice(_rows(lines, separator), SAMPLE)]
        widths = set(counts[1:] or counts)
        if len(widths) == 1 and (width := widths.pop()) >= 2 and abs(counts[0] - width) <= 1:
            return separator
    sample = [line for line in lines[:SAMPLE] if line.strip()]
    row = "".join(sample[1:2] or sample)  # the first may hold one name of two
    most = max(SEPARATORS, key=row.count)
    if row.count(most):
        return most
    return " " if all(len(line.split()) > 1 for line in sample[1:] or sample) else ","


def _has_decimal_commas(lines: list[str]) -> bool:
    """Tell whether blanks lie between the cells, and commas only in numbers.

    Two cells, of which one is a text, may as well be a text with a number at its end.
    """
    rows = [row for _, row in islice(_rows(lines, " "), SAMPLE)][1:]
    cells = [cell for row in rows for cell in row]
    numbers = sum(map(is_number, cells))
    commas = [cell for cell in cells if "," in cell]
    return (
        len({*map(len, rows)}) == 1
        and len(cells) > len(rows)
        and (2 * numbers > len(cells) or len(rows[0]) > 2)
        and bool(commas)
        and all(map(has_comma, commas))
    )


def _without_empty_end(rows: list[list[str]], notes: list[str]) -> list[list[str]]:
    """Leave out last columns that have no value; of the first row, no name."""
    count = 0
    while rows and len(rows) > 1 and all(len(row) > 1 and not row[-1] for row in rows[1:]):
        width = max(len(row) for row in rows[1:])
        if len(rows[0]) >= width and rows[0][-1]:
            break
        rows = [rows[0][:-1] if len(rows[0]) == width else rows[0], *(r[:-1] for r in rows[1:])]
        count += 1
    if count:
        notes.append(f"{count} empty column{'s' * (count > 1)} at the end left out")
    while len(rows) > 1 and len(rows[0]) > len(rows[1]) and not rows[0][-1]:
        rows = [rows[0][:-1], *rows[1:]]
    return rows


def _name(separator: str) -> str:
    return {"\t": "tabs", " ": "blanks"}.get(separator, repr(separator))
