"""Decide whether the first row of a table holds the names of its columns."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from vael.data.decode.marks import Marks
from vael.data.decode.numbers import is_number

Header = Literal["auto"] | bool
MOSTLY = 0.8  # of the cells of a column of numbers: the others are marks that nobody knows yet
LOOK = 1000


def find_header(rows: Sequence[Sequence[str]], marks: Marks) -> bool | None:
    """Compare the first row with those below, column by column: names, values, or undecided.

    A text over numbers is a name; a number over numbers, or a text that occurs again below, is a
    value. Whole numbers that count up (0, 1, 2, ... as pandas names columns, or years) are names
    where the next row does not count, too.

    Returns:
        Whether row 1 holds names; None where as much speaks for it as against it.
    """
    first, below = rows[0], rows[1 : 1 + LOOK]
    if not below:
        return not any(is_number(cell) for cell in first)
    shift = len(below[0]) - len(first)  # 1 where the first column has no name
    if shift:
        return True
    columns = [[row[at] for row in below] for at in range(len(first))]
    numeric = [_is_numeric(cells, marks) for cells in columns]
    numbers = [at for at, kind in enumerate(numeric) if kind and not marks.hold(first[at])]
    counted = _counts_up([first[at] for at in numbers])
    counted = counted and not _counts_up([below[0][at] for at in numbers])
    names = values = 0
    for at, cell in enumerate(first):
        if marks.hold(cell):
            continue
        if numeric[at]:
            names += not is_number(cell)
            values += is_number(cell) and not counted
        elif is_number(cell) or cell in columns[at]:  # a number among texts is a value, too
            values += 1
    if counted:
        alike = _is_likely([first[at] for at in numbers], [columns[at] for at in numbers])
        names, values = names + (not alike), values + alike
    if names == values == 0:  # texts that never occur again
        return True
    return None if names == values else names > values


def _is_numeric(cells: Sequence[str], marks: Marks) -> bool:
    known = [cell for cell in cells if not marks.hold(cell)]
    return bool(known) and sum(map(is_number, known)) >= MOSTLY * len(known)


def _counts_up(cells: Sequence[str]) -> bool:
    """Tell whether these are whole numbers n, n + 1, ... that could be names.

    They are from 0 on, as pandas has them, four and more, or years.
    """
    if not cells or not all(cell.isdecimal() and cell.isascii() for cell in cells):
        return False
    numbers = [int(cell[:18]) for cell in cells]
    steps = all(b - a == 1 for a, b in pairwise(numbers))
    return steps and (numbers[0] == 0 or len(cells) > 3 or numbers[0] >= 1000)


def _is_likely(first: Sequence[str], columns: Sequence[Sequence[str]]) -> bool:
    """Tell whether such whole numbers are a likely row of a table with these columns.

    A table of small whole numbers can begin with 0, 1 by chance: one in ``product(distinct
    values)``. One whose values all have fractions, or whose columns lack one of them, cannot.
    """
    chance = 1.0
    for cell, cells in zip(first, columns, strict=True):
        known = [float(c.replace(",", ".")) for c in cells if is_number(c)]
        if not min(known) <= int(cell) <= max(known):
            return False
        chance /= len(set(known))
    fractions = all(any("." in c or "," in c for c in cells) for cells in columns)
    return chance > 1e-3 and not fractions
