"""Convert labels of any dtype to class indices."""

from collections.abc import Mapping

import numpy as np

from vael.data.source import Array, Split
from vael.errors import DataError

MANY = 100  # classes, from which on they may be something else
SHOWN = 3


def number_classes(raw: Mapping[Split, Array], where: str, notes: list[str]) -> dict[Split, Array]:
    """Return ``(N,)`` int64 class numbers 0 .. K-1 of each split, for K different labels.

    Labels are numbered over all splits together: names (text) in alphabetical order, whole numbers
    by their size. One-hot rows ``(N, K)`` count as the place of their 1. ``notes`` gets a line
    where numbers become others, and where so many classes may be something else.

    Raises:
        DataError: labels that are none of these, or more than one for an example.
    """
    flat = {split: _flat(values, where, notes) for split, values in raw.items()}
    if any(values.dtype.kind in "US" for values in flat.values()):
        texts = {split: _texts(values) for split, values in flat.items()}
        names = np.unique(np.concatenate([*texts.values()]))
        _describe_many(len(names), flat, notes)
        return {
            split: np.searchsorted(names, values).astype(np.int64)
            for split, values in texts.items()
        }
    kinds = {split: np.unique(values, return_inverse=True) for split, values in flat.items()}
    known = sorted({each for kind, _ in kinds.values() for each in kind.tolist()})
    if known != [-1, 1]:
        for values in flat.values():
            _check_whole(values, where)
    number = {each: at for at, each in enumerate(known)}
    if any(each != at for each, at in number.items()):
        more = ", ..." if len(known) > SHOWN else ""
        _tell(
            notes,
            f"the labels {', '.join(str(int(each)) for each in known[:SHOWN])}{more} are the "
            f"classes {', '.join(map(str, range(len(known[:SHOWN]))))}{more}",
        )
    _describe_many(len(known), flat, notes)
    return {
        split: np.array([number[each] for each in kind.tolist()], np.int64)[place]
        for split, (kind, place) in kinds.items()
    }


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
    if values.dtype.kind not in "USbuif":
        raise DataError(f"{where}: labels must be whole numbers or text, got {values.dtype}")
    return values


def _texts(values: Array) -> Array:
    """Return labels as text; bytes that are no UTF-8 stay different."""
    if values.dtype.kind == "S":
        return np.char.decode(values, "utf-8", "surrogateescape")
    return values.astype(str)


def _check_whole(values: Array, where: str) -> None:
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0) & (values == np.floor(values))))
    if bad.size:
        raise DataError(
            f"{where}: labels must be whole numbers >= 0, got {values[bad[0]]} "
            f"for example {bad[0]} ({bad.size} such); number the classes from 0, or leave "
            "the labels out (data.label_key=null)"
        )


def _describe_many(classes: int, flat: Mapping[Split, Array], notes: list[str]) -> None:
    """Say that labels may be no classes, but names of the examples or numbers to predict."""
    examples = sum(map(len, flat.values()))
    if classes > MANY and 2 * classes > examples:
        _tell(
            notes,
            f"{examples:,} examples have {classes:,} different labels: each is a class, though "
            "they look like numbers of the examples or a value to predict",
        )


def _tell(notes: list[str], text: str) -> None:
    if text not in notes:
        notes.append(text)
