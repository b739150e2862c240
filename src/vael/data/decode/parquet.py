"""Read the columns of a parquet file: numbers, truth values and texts."""

from pathlib import Path

import numpy as np

from vael.data.decode.columns import Column
from vael.errors import DataError

INDEX = "__index_level_0__"  # pandas writes it last


def read_parquet(path: Path) -> list[Column]:
    """Return its columns in their order, an index of pandas first; a null is a missing value.

    Raises:
        DataError: it cannot be read, or a column holds neither numbers nor texts.
    """
    import pyarrow as pa
    from pyarrow import compute, parquet

    where = f"data.path={path}"
    try:
        table = parquet.read_table(str(path))
    except Exception as error:  # pyarrow raises whatever it likes on a damaged file
        reason = " ".join(str(error).split())[:300]
        raise DataError(f"{where} must be a parquet file, but: {reason}") from error
    if not table.num_rows or not table.num_columns:
        raise DataError(f"{where} must hold at least 3 rows of numbers, got none")
    found = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = column.type
        if pa.types.is_dictionary(kind):
            column, kind = column.cast(kind.value_type), kind.value_type
        if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
            cells = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        elif pa.types.is_boolean(kind):
            cells = column.cast(pa.int8()).cast(pa.float64()).to_numpy(zero_copy_only=False)
        elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
            cells = compute.fill_null(column, "").to_pylist()
        else:
            raise DataError(
                f"{where}, column {name}: a column must hold numbers or texts, got {kind}; leave "
                "it out (a data set of pictures: data=hub data.path=FOLDER)"
            )
        cells = cells if isinstance(cells, np.ndarray) else [cell.strip() for cell in cells]
        found.append(Column(str(name), cells, lambda at: f"row {at}"))
    return sorted(found, key=lambda column: column.name != INDEX)
