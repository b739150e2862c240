"""Read the columns of a parquet file: numbers, truth values and texts."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vael.data.decode.columns import Column
from vael.data.source import Array
from vael.errors import DataError

REMEDIES = {
    "timestamp": "a date is no number: leave the column out, or save year, month, day as numbers",
    "date": "a date is no number: leave the column out, or save year, month, day as numbers",
    "time": "a time is no number: leave the column out, or save hours as a number",
    "duration": "save it as a number of seconds",
    "list": "a list is no number: save each of its values as a column, or all in an .npy",
    "fixed_size_list": "save each of its values as a column, or all in an .npy",
    "null": "it has no value at all: leave it out",
}


def read_parquet(path: Path, used: Collection[str], notes: list[str]) -> list[Column]:
    """Return its columns in their order; a null is a missing value.

    Args:
        path: of the file.
        used: columns that are kept though they are the index of a frame of pandas.
        notes: gets a line about an index that is left out.

    Raises:
        DataError: it cannot be read, or a column holds neither numbers nor texts.
    """
    from pyarrow import parquet

    where = f"data.path={path}"
    try:
        table = parquet.read_table(str(path))
        metadata: dict[str, Any] = table.schema.pandas_metadata or {}
    except Exception as error:  # pyarrow raises whatever it likes on a damaged file
        reason = " ".join(str(error).split())[:300]
        raise DataError(f"{where} must be a parquet file, but: {reason}") from error
    if not table.num_rows or not table.num_columns:
        raise DataError(f"{where} must hold at least 3 rows of numbers, got none")
    index = [name for name in metadata.get("index_columns", ()) if isinstance(name, str)]
    found = []
    for name, column in zip(map(str, table.column_names), table.columns, strict=True):
        if name in index and name not in used and len(index) < table.num_columns:
            first = ", ".join(str(value) for value in column[:2].to_pylist())
            notes.append(f"the index of the frame, {name} ({first}, ...), is left out")
            continue
        try:
            cells = _cells(column)
        except Exception as error:  # such as a text that is not UTF-8
            reason = " ".join(str(error).split())[:300]
            raise DataError(f"{where}, column {name}: it cannot be read: {reason}") from error
        if cells is None:
            kind = str(column.type)
            remedy = REMEDIES.get(
                kind.partition("[")[0].partition("<")[0].rstrip("3264"),
                "leave it out (a data set of pictures: data=hub data.path=FOLDER)",
            )
            raise DataError(
                f"{where}, column {name}: a column must hold numbers or texts, got {kind}; "
                f"{remedy}"
            )
        found.append(Column(name, cells, lambda at: f"row {at}"))
    return found


def _cells(column: Any) -> Sequence[str] | Array | None:
    """Return numbers, or texts; None for what is neither."""
    import pyarrow as pa
    from pyarrow import compute

    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_boolean(kind):
        column, kind = column.cast(pa.int8()), pa.int8()
    if pa.types.is_integer(kind) and not column.null_count:
        return np.asarray(column.to_numpy(zero_copy_only=False))
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return [cell.strip() for cell in compute.fill_null(column, "").to_pylist()]
    return None
