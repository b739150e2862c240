"""Convert comma-separated text to numbers, and numbers to float32."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vael.data.decode.pixels import check_numeric
from vael.data.source import Array, Missing
from vael.errors import ConfigError, DataError

EMPTY = {"", "na", "n/a", "nan", "null"}
"""What stands for a missing value in a cell, in small letters."""

CsvRow = tuple[int, list[str]]
"""Number of the line, and its cells."""


class CsvTable(NamedTuple):
    """``(N, D)`` float64 values, the names of the columns and, if asked for, the labels."""

    x: Array
    names: list[str]
    y: Array | None


def read_csv(
    path: Path, label: str | None, categorical: Sequence[str] = (), missing: Missing = "refuse"
) -> CsvTable:
    """Read numbers from a text file: UTF-8, separated by comma, semicolon or tab.

    The first row is taken for names where one of its cells is text; without names the columns are
    called 0, 1, 2, ... Labels may be text.

    Args:
        path: of the file.
        label: name of the column that holds the labels.
        categorical: names of the columns that hold categories.
        missing: ``refuse``: an empty cell is an error; otherwise it becomes NaN.

    Raises:
        DataError: no rows, rows of different lengths, two columns of one name, or a cell that is
            not a number.
        ConfigError: no column has the name of the label or of a category.
    """
    names, rows = _cells(path)
    for option, wanted in (
        ("label_key", [label] * (label is not None)),
        ("categorical", categorical),
    ):
        for name in wanted:
            if name not in names:
                raise ConfigError(
                    f"data.{option} must be a column of {path}, got {name}; there "
                    f"are {', '.join(names)}"
                )
    if label in categorical:
        raise ConfigError(
            f"data.categorical must not name the labels, data.label_key={label}; "
            "choose one of the two"
        )
    labels, columns, titles = None, [], []
    for at, name in enumerate(names):
        if name == label:
            labels = _labels(rows, at, name, path)
        elif name in categorical:
            cells = np.array([row[at].strip() for _, row in rows])
            values, which = np.unique(cells, return_inverse=True)
            columns.append(np.eye(len(values))[which])
            titles += [f"{name}={value}" for value in values.tolist()]
        else:
            columns.append(_numbers(rows, at, name, path, missing)[:, None])
            titles.append(name)
    if not columns:
        raise DataError(f"data.path={path} must have a column besides the labels, got none")
    return CsvTable(np.concatenate(columns, 1), titles, labels)


def _cells(path: Path) -> tuple[list[str], list[CsvRow]]:
    """Return names of the columns, and the rows as text."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            head = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=max(",;\t", key=head.count))
            rows = [(reader.line_num, row) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"data.path={path} must be comma-separated text, but: {error}") from error
    names = [str(i) for i in range(len(rows[0][1]))] if rows else []
    if rows and not all(_is_number(cell) or _is_empty(cell) for cell in rows[0][1]):
        names = [cell.strip() for cell in rows.pop(0)[1]]
    if not rows:
        raise DataError(f"data.path={path} must hold at least 3 rows of numbers, got none")
    for line, row in rows:
        if len(row) != len(names):
            raise DataError(
                f"data.path={path}, line {line}: each row must have {len(names)} "
                f"cells like the first one, got {len(row)}"
            )
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise DataError(
            f"data.path={path}: each column must have a name of its own, but "
            f"{twice.count(twice[0])} are called {twice[0]!r}; rename them"
        )
    return names, rows


def _numbers(rows: list[CsvRow], at: int, name: str, path: Path, missing: Missing) -> Array:
    """Parse one column of numbers, ``(N,)`` float64."""
    out = np.empty(len(rows))
    for i, (line, row) in enumerate(rows):
        cell = row[at]
        try:
            out[i] = float(cell)
        except ValueError:
            if missing != "refuse" and _is_empty(cell):
                out[i] = np.nan
                continue
            where = f"data.path={path}, line {line}, column {name}: a cell must be a number, got"
            if _is_empty(cell):
                raise DataError(
                    f"{where} an empty cell ({cell!r}); leave the row out, or set "
                    "data.missing=mean or data.missing=median"
                ) from None
            raise DataError(
                f"{where} the text {cell!r}; if it is the label, set data.label_key="
                f"{name}, and if it is a category, data.categorical=[{name}]"
            ) from None
    return out


def _is_empty(cell: str) -> bool:
    return cell.strip().lower() in EMPTY


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _labels(rows: list[CsvRow], at: int, name: str, path: Path) -> Array:
    cells = [row[at].strip() for _, row in rows]
    if "" in cells:
        raise DataError(
            f"data.path={path}, line {rows[cells.index('')][0]}, column {name}: each "
            "example must have a label, got an empty cell; leave the row out"
        )
    if all(_is_number(cell) for cell in cells):
        return np.array([float(cell) for cell in cells])
    return np.array(cells)


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
                raise DataError(
                    f"{error}, or set data.missing=mean or data.missing=median"
                ) from error
            raise
        return x.astype(np.float64)
    check_numeric(x[:0], where)
    wide = x.astype(np.float64)
    check_numeric(np.where(np.isnan(wide), 0, wide), where)
    return wide
