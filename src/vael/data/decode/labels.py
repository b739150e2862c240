"""Convert labels of any dtype to class indices."""

from collections.abc import Mapping

import numpy as np

from vael.data.source import Array, Split
from vael.errors import DataError


def number_classes(raw: Mapping[Split, Array], where: str, notes: list[str]) -> dict[Split, Array]:
    """Return ``(N,)`` int64 class numbers of each split.

    Whole numbers >= 0 are class numbers already. Names (text) are numbered in alphabetical order,
    over all splits together; -1 and 1 are the classes 0 and 1, and one-hot rows ``(N, K)`` the
    place of their 1. ``notes`` gets a line about the last two.

    Raises:
        DataError: labels that are none of these, or more than one for an example.
    """
    flat = {split: _flat(values, where, notes) for split, values in raw.items()}
    if any(values.dtype.kind in "US" for values in flat.values()):
        names = np.unique(np.concatenate([values.astype(str) for values in flat.values()]))
        return {
            split: np.searchsorted(names, values.astype(str)).astype(np.int64)
            for split, values in flat.items()
        }
    for values in flat.values():
        if values.dtype.kind not in "buif":
            raise DataError(f"{where}: labels must be whole numbers or text, got {values.dtype}")
    found = {value for values in flat.values() for value in np.unique(values).tolist()[:3]}
    if found == {-1, 1}:
        _tell(notes, "the labels -1 and 1 are the classes 0 and 1")
        return {split: (values > 0).astype(np.int64) for split, values in flat.items()}
    for values in flat.values():
        bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0) & (values == np.floor(values))))
        if bad.size:
            raise DataError(
                f"{where}: labels must be whole numbers >= 0, got {values[bad[0]]} "
                f"for example {bad[0]} ({bad.size} such); number the classes from 0, or leave "
                "the labels out (data.label_key=null)"
            )
    return {split: values.astype(np.int64) for split, values in flat.items()}


def _flat(values: Array, where: str, notes: list[str]) -> Array:
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2 and values.dtype.kind in "buif" and values.size:
        ones = values == 1
        if (ones | (values == 0)).all() and (ones.sum(1) == 1).all():
            _tell(notes, f"one-hot labels of {values.shape[1]} columns are the place of their 1")
            place: Array = values.argmax(1)
            return place
    if values.ndim != 1:
        raise DataError(
            f"{where}: labels must be one for each example, (N,), or one-hot, got shape "
            f"{values.shape}"
        )
    return values


def _tell(notes: list[str], text: str) -> None:
    if text not in notes:
        notes.append(text)
