"""Convert the cells of one column of a table to numbers, categories or labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vael.data.decode.marks import Marks
from vael.data.decode.numbers import advise, has_comma, has_point, may_be_thousands
from vael.data.decode.remarks import Remarks
from vael.data.source import Array, Missing
from vael.errors import DataError

TRUTH = {"true": 1.0, "false": 0.0}
MOST_CATEGORIES = 10_000  # of a column, each of which becomes a column
LOOK = 20  # rows from which on a column that counts them does not do so by chance
OFTEN_MISSING = {-99.0, -999.0, -9999.0, -99999.0}
EXACT = 2.0**53  # whole numbers up to here are different floats


@dataclass(frozen=True)
class Column:
    """One column as it was read.

    Attributes:
        name: its name, or its number.
        cells: texts, or ``(N,)`` numbers where NaN is missing.
        place: of row n, for messages: ``line 7``.
        decimal_comma: whether a comma may be the decimal one.
    """

    name: str
    cells: Sequence[str] | Array
    place: Any
    decimal_comma: bool = False


def parse_numbers(
    column: Column, marks: Marks, missing: Missing, where: str, remarks: Remarks
) -> Array:
    """Return ``(N,)`` float64, NaN for a missing value; ``remarks`` get what is remarkable.

    Raises:
        DataError: a cell that is no number, or a missing value where ``missing`` refuses them.
    """
    if isinstance(column.cells, np.ndarray):
        out = column.cells.astype(np.float64)
    else:
        out = _parse_texts(column, column.cells, marks, where, remarks)
    for number in marks.numbers:
        out = np.where(out == number, np.nan, out)
    gaps = np.flatnonzero(np.isnan(out))
    if missing == "refuse" and gaps.size:
        at = int(gaps[0])
        cell = "" if isinstance(column.cells, np.ndarray) else column.cells[at]
        kind = "an empty cell" if not cell else "a missing value"
        raise DataError(
            f"{where}, {column.place(at)}, column {column.name}: a cell must be a number, got "
            f"{kind} ({cell!r}; {gaps.size} such in this column); leave the rows out, or set "
            "data.missing=mask, or mean or median"
        )
    _remark(column.name, out, missing, remarks)
    return out


def _remark(name: str, values: Array, missing: Missing, remarks: Remarks) -> None:
    """Remark on missing values, and on values that may not be meant as such."""
    gaps = int(np.isnan(values).sum())
    if gaps:
        become = f"become the {missing} of the training rows"
        text = f"missing values, which {'enter no loss' if missing == 'mask' else become}"
        remarks.add("missing", text, f"{name} ({gaps})")
    if len(values) >= LOOK and (np.diff(values) == 1).all():
        text = (
            f"counts the rows ({values[0]:.0f}, {values[1]:.0f}, ...) and is trained on like any "
            "other: leave it out if it is their number"
        )
        remarks.add("counts", text, name)
    lowest = np.fmin.reduce(values)
    if lowest in OFTEN_MISSING and (count := int((values == lowest).sum())) > 1:
        text = (
            f"{lowest:.0f} stands there {count} times; if it marks a missing value, set "
            f"data.missing_marks=[{lowest:.0f}] and data.missing=mean"
        )
        remarks.add(f"often missing {lowest}", text, name)


def _parse_texts(
    column: Column, cells: Sequence[str], marks: Marks, where: str, remarks: Remarks
) -> Array:
    try:
        out = np.array([float(cell) for cell in cells])
    except ValueError:
        known = [cell for cell in cells if not marks.hold(cell)]
        if known and all(cell.lower() in TRUTH for cell in known):
            remarks.add("truth", "true and false are 1 and 0", column.name)
            return np.array([TRUTH.get(cell.lower(), np.nan) for cell in cells])
        if column.decimal_comma and any("," in c for c in known) and all(map(has_comma, known)):
            first = next(cell for cell in known if "," in cell)
            text = f"decimal commas, {first} is read as {_pointed(first)}"
            remarks.add("commas", text, column.name)
            cells = [cell if marks.hold(cell) else _pointed(cell) for cell in cells]
        return np.array([_number(column, marks, at, cell, where) for at, cell in enumerate(cells)])
    odd = next((at for at, c in enumerate(cells) if "_" in c or not c.isascii()), None)
    if odd is not None:  # Python's own way to write numbers, which nobody else reads so
        _number(column, marks, odd, cells[odd], where)
    return out


def remark_points(columns: Sequence[Column], remarks: Remarks) -> None:
    """Remark on columns of numbers with decimal points, where others have commas."""
    texts = [
        (column.name, column.cells)
        for column in columns
        if column.decimal_comma and not isinstance(column.cells, np.ndarray)
    ]
    if not any("," in cell and has_comma(cell) for _, cells in texts for cell in cells):
        return
    for name, cells in texts:
        pointed = [cell for cell in cells if "." in cell]
        if pointed and all(map(may_be_thousands, pointed)):
            first = pointed[0]
            text = (
                f"decimal points, {first} is read as {float(first):g} and not as "
                f"{first.replace('.', '')}, though other columns have decimal commas"
            )
            remarks.add("points", text, name)


def _pointed(cell: str) -> str:
    return cell.replace(".", "").replace(",", ".")


def _number(column: Column, marks: Marks, at: int, cell: str, where: str) -> float:
    if marks.hold(cell):
        return float("nan")
    if has_point(cell):
        return float(cell)
    remedy = advise(cell) or (
        f"if it is the label, set data.label_key={column.name}, if it is a category, "
        f"data.categorical=[{column.name}], and if it is a mark of a missing value, "
        f"data.missing_marks=['{cell}'] and data.missing=mean"
    )
    raise DataError(
        f"{where}, {column.place(at)}, column {column.name}: a cell must be a number, got the "
        f"text {cell!r}; {remedy}"
    )


def parse_categories(
    column: Column, marks: Marks, missing: Missing, where: str, notes: list[str]
) -> tuple[Array, list[str]]:
    """Return one column of 0 and 1 for each value, ``(N, K)``, and their names.

    All marks of a missing value are one more value, the empty one; under ``missing=mask`` they
    are NaN in all columns.

    Raises:
        DataError: so many values that they are no categories.
    """
    cells = as_texts(column.cells)
    gaps = sorted({cell for cell in cells if marks.hold(cell)})
    hides = missing == "mask"
    if gaps and not hides:
        named = ", ".join(cell or "empty cells" for cell in gaps)
        more = "; data.missing_marks=[] makes categories of them" if any(gaps) else ""
        notes.append(
            f"column {column.name}: {named} stand for a missing value, which is the "
            f"category {column.name}={more}"
        )
    values, which = np.unique(
        np.array(["" if marks.hold(cell) else cell for cell in cells]), return_inverse=True
    )
    if len(values) > MOST_CATEGORIES:
        raise DataError(
            f"{where}, column {column.name}: each category becomes a column, so that there must "
            f"be at most {MOST_CATEGORIES:,}, got {len(values):,}; leave it out of "
            "data.categorical, or group its values"
        )
    ways = np.eye(len(values))[which]
    if hides and values[0] == "":
        ways[which == 0] = np.nan
        ways, values = ways[:, 1:], values[1:]
    return ways, [f"{column.name}={value}" for value in values.tolist()]


def parse_labels(column: Column, marks: Marks, where: str) -> Array:
    """Return ``(N,)`` numbers, or texts where one of them is none.

    Raises:
        DataError: an example without a label.
    """
    cells = as_texts(column.cells)
    gaps = [at for at, cell in enumerate(cells) if marks.hold(cell) or _is_gap(cell, marks)]
    if gaps:
        cell = cells[gaps[0]]
        kind = "an empty cell" if not cell else f"the mark {cell!r} of a missing value"
        raise DataError(
            f"{where}, {column.place(gaps[0])}, column {column.name}: each example must have a "
            f"label, got {kind} ({len(gaps)} such); leave the rows out"
            + (", or set data.missing_marks=[] if it is a class" if cell else "")
        )
    if all(has_point(cell) for cell in cells):
        numbers = np.array([float(cell) for cell in cells])
        if (np.abs(numbers) < EXACT).all():
            return numbers
    return np.array(cells)


def _is_gap(cell: str, marks: Marks) -> bool:
    return bool(marks.numbers) and bool(has_point(cell)) and float(cell) in marks.numbers


def as_texts(cells: Sequence[str] | Array) -> list[str]:
    """Return cells as texts; whole numbers without a point, NaN as an empty one."""
    if not isinstance(cells, np.ndarray):
        return list(cells)
    return [
        "" if value != value else str(int(value)) if value == int(value) else repr(value)
        for value in cells.tolist()
    ]
