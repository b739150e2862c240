"""Floor 6: tables: comma-separated text to numbers, and numbers to float32."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vael.data.pixels import check_numeric
from vael.data.source import Array
from vael.errors import ConfigError, DataError


class Table(NamedTuple):
    """``(N, D)`` float64 values, the names of the columns and, if asked for, the labels."""

    x: Array
    names: list[str]
    y: Array | None


def read_csv(path: Path, label: str | None) -> Table:
    """Numbers out of a text file: UTF-8, separated by comma, semicolon or tab.

    The first row is taken for names where one of its cells is not a number; without names the
    columns are called 0, 1, 2, ... Labels may be text.

    Args:
        path: of the file.
        label: name of the column that holds the labels.

    Raises:
        DataError: no rows, rows of different lengths, or a cell that is not a number.
        ConfigError: no column has the name of the label.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            head = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=max(",;\t", key=head.count))
            rows = [(reader.line_num, row) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"data.path={path} must be comma-separated text, but: {error}") from error
    names = [str(i) for i in range(len(rows[0][1]))] if rows else []
    if rows and not all(_is_number(cell) for cell in rows[0][1]):
        names = [cell.strip() for cell in rows.pop(0)[1]]
    if not rows:
        raise DataError(f"data.path={path} must hold at least 3 rows of numbers, got none")
    for line, row in rows:
        if len(row) != len(names):
            raise DataError(f"data.path={path}, line {line}: each row must have {len(names)} "
                            f"cells like the first one, got {len(row)}")
    labels = None
    if label is not None:
        if label not in names:
            raise ConfigError(f"data.label_key must be a column of {path}, got {label}; there are "
                              f"{', '.join(names)}")
        at = names.index(label)
        labels = _labels([row.pop(at).strip() for _, row in rows])
        names.pop(at)
    x = np.empty((len(rows), len(names)))
    for target, (line, row) in zip(x, rows, strict=True):
        try:
            target[:] = [float(cell) for cell in row]
        except ValueError:
            column, cell = next((n, c) for n, c in zip(names, row, strict=True)
                                if not _is_number(c))
            got = f"the text {cell!r}" if cell.strip() else "an empty cell"
            raise DataError(f"data.path={path}, line {line}, column {column}: a cell must be a "
                            f"number, got {got}; if it is the label, set data.label_key={column}"
                            ) from None
    return Table(x, names, labels)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _labels(cells: list[str]) -> Array:
    if all(_is_number(cell) for cell in cells):
        return np.array([float(cell) for cell in cells])
    return np.array(cells)


def to_float32(x: Array, where: str) -> Array:
    """A table of any real dtype as float32, where that loses nothing that matters.

    Raises:
        DataError: NaN, infinite or huge values, or a column whose values differ by less than
            float32 can tell apart.
    """
    check_numeric(x, where)
    wide = x.astype(np.float64)
    largest = np.abs(wide).max(0)
    if largest.max() > np.finfo(np.float32).max:
        raise DataError(f"{where}: values must fit float32, got {largest.max():g} in column "
                        f"{int(largest.argmax())}; rescale it")
    # 2**-24 of the largest is how far float32 may be off: more than a thousandth of the spread?
    std = wide.std(0)
    coarse = (std > 0) & (largest * 2.0**-24 > 1e-3 * std)
    if coarse.any():
        column = int(coarse.argmax())
        raise DataError(f"{where}: float32 must tell the values of a column apart, but column "
                        f"{column} has values up to {largest[column]:g} that differ by only "
                        f"{std[column]:g} (standard deviation); subtract an offset")
    return wide.astype(np.float32)
