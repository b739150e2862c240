"""Read a table of columns, and convert numbers to float32."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vael.data.decode.columns import (
    Column,
    as_texts,
    parse_categories,
    parse_labels,
    parse_numbers,
    remark_points,
)
from vael.data.decode.header import Header, find_header
from vael.data.decode.marks import Marks, parse_marks
from vael.data.decode.parquet import read_parquet
from vael.data.decode.pixels import check_numeric
from vael.data.decode.remarks import Remarks
from vael.data.decode.text import read_text_table
from vael.data.source import Array, Missing
from vael.errors import ConfigError, DataError


@dataclass(frozen=True)
class TableOptions:
    """How a table is to be read.

    Attributes:
        label: name of the column that holds the labels.
        categorical: names of the columns that hold categories.
        missing: ``refuse``: a missing value is an error; otherwise it becomes NaN.
        marks: of missing values.
        header: whether the first row of a text holds names; ``auto``: by `find_header`.
    """

    label: str | None = None
    categorical: tuple[str, ...] = ()
    missing: Missing = "refuse"
    marks: Marks = field(default_factory=lambda: parse_marks(None))
    header: Header = "auto"


class Table(NamedTuple):
    """``(N, D)`` float64 values, the names of the columns and, if asked for, the labels.

    ``notes`` say in a line each what was taken for what, and what was left out.
    """

    x: Array
    names: list[str]
    y: Array | None
    notes: list[str]


def read_table(path: Path, options: TableOptions) -> Table:
    """Read the numbers, categories and labels of a text or parquet file.

    A text without names has columns called 0, 1, 2, ... Labels may be text. A first column without
    a name that only counts or names the rows, as pandas and R write it, is left out.

    Raises:
        DataError: no rows, rows of different lengths, two columns of one name, or a cell that is
            not a number.
        ConfigError: no column has the name of the label or of a category.
    """
    where = f"data.path={path}"
    notes: list[str] = []
    if path.suffix.lower() == ".parquet":
        columns = read_parquet(path, {*options.categorical, options.label or ""}, notes)
    else:
        columns, notes = _read_text(path, options)
    columns = _without_index(columns, notes)
    _check_names(columns, options, where)
    labels, parts, titles, numeric = None, [], [], []
    refused: dict[str, DataError] = {}
    remarks = Remarks()
    for column in columns:
        if column.name == options.label:
            labels = parse_labels(column, options.marks, where)
        elif column.name in options.categorical:
            part, names = parse_categories(column, options.marks, options.missing, where, notes)
            parts.append(part)
            titles += names
        else:
            try:
                numbers = parse_numbers(column, options.marks, options.missing, where, remarks)
            except DataError as error:
                refused[column.name] = error
                continue
            parts.append(numbers[:, None])
            titles.append(column.name)
            numeric.append(column)
    if refused:
        raise DataError(_say_all(refused))
    remark_points(numeric, remarks)
    notes += remarks.lines()
    if not parts:
        raise DataError(f"{where} must have a column besides the labels, got none")
    return Table(np.concatenate(parts, 1), titles, labels, notes)


def _say_all(refused: Mapping[str, DataError]) -> str:
    """Say why the first column is refused, and name the others with what they hold."""
    first, *others = refused
    kinds = {name: "a text" if "the text" in str(refused[name]) else "gaps" for name in others}
    also = ", ".join(f"{name} ({kind})" for name, kind in kinds.items())
    return f"{refused[first]}" + (f"; the same of other columns: {also}" if others else "")


def _read_text(path: Path, options: TableOptions) -> tuple[list[Column], list[str]]:
    """Return the columns of a text, and what was taken for what."""
    text = read_text_table(path)
    rows, lines, notes = text.rows, text.lines, text.notes
    if not rows:
        raise DataError(f"data.path={path} must hold at least 3 rows of numbers, got none")
    found = find_header(rows, options.marks)
    named = bool(text.names) and options.header is not False and found is not True
    header = found if options.header == "auto" else options.header
    comments = text.comments[: len(text.comments) - named]
    if comments:
        notes.append(f"comments before the first row are left out (#{comments[0][:40]})")
    if named:  # as numpy.savetxt writes them
        names, header = text.names, True
    else:
        names = rows[0] if header else [str(at) for at in range(len(rows[-1]))]
    shown = ", ".join(rows[0][:4]) + (", ..." if len(rows[0]) > 4 else "")
    if header is None:
        raise DataError(
            f"data.path={path}: the first row ({shown}) could hold the names of the columns, or "
            "values like the rows below; set data.header=true or data.header=false"
        )
    if named:
        notes.append(f"the comment before the first row holds the names: {', '.join(names[:4])}")
    elif header:
        rows, lines = rows[1:], lines[1:]
        notes.append(f"the first row holds the names of the columns: {shown}")
    else:
        notes.append(
            "the first row holds values, not names: the columns are called 0, 1, ... "
            "(data.header=true if it holds names)"
        )
    if header and rows:  # R names rows, but not their column
        names = [""] * (len(rows[-1]) - len(names)) + names
    if not rows:
        raise DataError(f"data.path={path} must hold at least 3 rows of numbers, got none")
    if len(names) != len(rows[0]):
        raise DataError(
            f"data.path={path}, line {lines[0]}: each row must have {len(names)} cells like the "
            f"first one, got {len(rows[0])}"
        )
    columns = [
        Column(name, cells, lambda at: f"line {lines[at]}", text.separator != ",")
        for name, cells in zip(names, zip(*rows, strict=True), strict=True)
    ]
    return columns, notes


def _without_index(columns: list[Column], notes: list[str]) -> list[Column]:
    """Leave out a first column without a name that counts the rows, or names each of them."""
    first = columns[0]
    if len(columns) < 2 or first.name not in ("", "Unnamed: 0"):
        return columns
    cells = as_texts(first.cells)
    whole = all(cell.isdecimal() and cell.isascii() for cell in cells)
    text = not any(cell.replace(".", "").lstrip("+-").isdecimal() for cell in cells)
    if len(set(cells)) < len(cells) or not (whole or text):
        return columns
    notes.append(
        f"the first column has no name and {'numbers' if whole else 'names'} the rows "
        f"({cells[0]}, {cells[1] if len(cells) > 1 else '...'}, ...): it is left out"
    )
    return columns[1:]


def _check_names(columns: list[Column], options: TableOptions, where: str) -> None:
    names = [column.name for column in columns]
    for option, wanted in (
        ("label_key", [options.label] * (options.label is not None)),
        ("categorical", options.categorical),
    ):
        for name in wanted:
            if name not in names:
                raise ConfigError(
                    f"data.{option} must be a column of {where.removeprefix('data.path=')}, got "
                    f"{name}; there are {', '.join(names)}"
                )
    if options.label in options.categorical:
        raise ConfigError(
            f"data.categorical must not name the labels, data.label_key={options.label}; "
            "choose one of the two"
        )
    nameless = [str(at) for at, name in enumerate(names) if not name]
    if nameless:
        raise DataError(
            f"{where}: each column must have a name, but {len(nameless)} of them have none "
            f"(number {', '.join(nameless)} from 0); name them, or remove the row of names and "
            "set data.header=false"
        )
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise DataError(
            f"{where}: each column must have a name of its own, but "
            f"{twice.count(twice[0])} are called {twice[0]!r}; rename them"
        )


def to_float32(x: Array, where: str, names: Sequence[str] = (), missing: bool = False) -> Array:
    """Convert a table of any real dtype to float32, where that loses nothing that matters."""
    check_float32([x], where, names, missing)
    return x.astype(np.float32)


def check_float32(
    blocks: Iterable[Array], where: str, names: Sequence[str], missing: bool
) -> None:
    """Refuse a table, given block by block, that float32 cannot hold.

    Args:
        blocks: of rows, ``(B, D)`` each.
        where: what the table is, for messages.
        names: of the columns; empty: their numbers.
        missing: whether NaN is a missing value.

    Raises:
        DataError: NaN, infinite or huge values, or a column whose values differ by less than
            float32 can tell apart.
    """
    count = first = largest = total = squares = np.zeros(())
    start = 0
    for block in blocks:
        wide = _finite(block, f"{where}, rows from {start}" if start else where, missing)
        known = ~np.isnan(wide)
        wide = np.where(known, wide, 0)
        if not start:  # moments about the first row: an offset does not drown them
            first = wide[0]
        away = np.where(known, wide - first, 0)
        largest = np.maximum(largest, np.abs(wide).max(0))
        count, total = count + known.sum(0), total + away.sum(0)
        squares = squares + (away**2).sum(0)
        start += len(block)

    def column(which: Array) -> int | str:
        return names[int(which.argmax())] if names else int(which.argmax())

    if largest.max() > np.finfo(np.float32).max:
        raise DataError(
            f"{where}: values must fit float32, got {largest.max():g} in column "
            f"{column(largest)}; rescale it"
        )
    # 2**-24 of the largest is how far float32 may be off: more than a thousandth of the spread?
    n = np.maximum(count, 1)
    std = np.sqrt(np.maximum(squares / n - (total / n) ** 2, 0))
    coarse = (std > 0) & (largest * 2.0**-24 > 1e-3 * std)
    if coarse.any():
        raise DataError(
            f"{where}: float32 must tell the values of a column apart, but column "
            f"{column(coarse)} has values up to {largest[coarse.argmax()]:g} that differ by only "
            f"{std[coarse.argmax()]:g} (standard deviation); subtract an offset"
        )


def _finite(x: Array, where: str, missing: bool) -> Array:
    """Convert to float64; refuse NaN but where that may be."""
    if not missing:
        try:
            check_numeric(x, where)
        except DataError as error:
            if x.dtype.kind == "f" and np.isnan(x).any():
                raise DataError(f"{error}, or set data.missing=mask, or mean or median") from error
            raise
        return x.astype(np.float64)
    check_numeric(x[:0], where)
    wide = x.astype(np.float64)
    check_numeric(np.where(np.isnan(wide), 0, wide), where)
    return wide
