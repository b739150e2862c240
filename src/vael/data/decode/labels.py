"""Convert labels of any dtype to class indices."""

from collections.abc import Mapping

import numpy as np

from vael.data.source import Array, Split
from vael.errors import DataError


def number_classes(raw: Mapping[Split, Array], where: str) -> dict[Split, Array]:
    """Return ``(N,)`` int64 class numbers of each split.

    Whole numbers >= 0 are class numbers already. Names (text) are numbered in alphabetical order,
    over all splits together.

    Raises:
        DataError: labels that are neither, or more than one for an example.
    """
    flat = {split: _flat(values, where) for split, values in raw.items()}
    if any(values.dtype.kind in "US" for values in flat.values()):
        names = np.unique(np.concatenate([values.astype(str) for values in flat.values()]))
        return {
            split: np.searchsorted(names, values.astype(str)).astype(np.int64)
            for split, values in flat.items()
        }
    for values in flat.values():
        if values.dtype.kind not in "buif":
            raise DataError(f"{where}: labels must be whole numbers or text, got {values.dtype}")
        bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0) & (values == np.floor(values))))
        if bad.size:
            raise DataError(
                f"{where}: labels must be whole numbers >= 0, got {values[bad[0]]} "
                f"for example {bad[0]} ({bad.size} such)"
            )
    return {split: values.astype(np.int64) for split, values in flat.items()}


def _flat(values: Array, where: str) -> Array:
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DataError(
            f"{where}: labels must be one for each example, (N,), got shape {values.shape}"
        )
    return values
