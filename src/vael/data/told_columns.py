"""Columns of a table that a conditional model is told, instead of having to explain them."""

from dataclasses import replace

import numpy as np

from vael.data.constant import drop_columns
from vael.data.context import Names, Told
from vael.data.on_disk import iterate_row_slices
from vael.data.source import Array, Arrays, Decoded, Split
from vael.data.splits import SplitIndex
from vael.errors import ConfigError, DataError
from vael.text import did_you_mean


def take_columns(data: Decoded, told: Told, train: SplitIndex) -> tuple[Decoded, Names]:
    """Return the table without the columns that are told, which become its ``context``.

    A missing value of such a column is what ``data.missing`` says, the mean or the median of the
    training rows.

    Args:
        data: whole.
        told: whose names are those of columns, or of columns of categories.
        train: positions of the training rows.

    Raises:
        ConfigError: there is no such column, no other one, or no table.
        DataError: a column that is told has missing values, and nothing says what they are.
    """
    if data.train.x.ndim != 2:
        raise ConfigError(
            "condition=columns needs a table, but this data has examples of shape "
            f"{tuple(data.train.x.shape[1:])}: use condition=label."
        )
    known = list(data.columns) or [str(n) for n in range(data.train.x.shape[1])]
    at = [place for name in _list_names(told) for place in _find_column(name, known)]
    if len(at) == len(known):
        raise ConfigError(
            "condition.names: all columns of the table are told, so there is nothing to learn: "
            "leave out one."
        )
    told_columns = np.zeros(len(known), bool)
    told_columns[at] = True
    parts = {split: _read_columns(part, at) for split, part in data.parts.items()}
    fill = _find_fill(parts["train"][train], data, [known[place] for place in at])
    for values in parts.values():
        np.copyto(values, fill, where=np.isnan(values))
    rest = drop_columns(replace(data, columns=tuple(known)), told_columns)
    if not data.columns:
        rest = replace(rest, columns=())

    def add(split: Split, part: Arrays | None) -> Arrays | None:
        return None if part is None else replace(part, context=parts[split])

    rows = replace(rest.train, context=parts["train"])
    made = replace(rest, train=rows, val=add("val", rest.val), test=add("test", rest.test))
    return made, tuple((known[place], 0) for place in at)


def _list_names(told: Told) -> list[str]:
    return [name for name, _ in told.known] or list(told.names or ())


def _find_column(name: str, known: list[str]) -> list[int]:
    """Return the places of a column, or of those that a column of categories has become."""
    found = [n for n, column in enumerate(known) if column == name]
    found = found or [n for n, column in enumerate(known) if column.startswith(f"{name}=")]
    if not found:
        raise ConfigError(
            f"condition.names: this table has no column {name}. {did_you_mean(name, known)}"
        )
    return found


def _read_columns(part: Arrays, at: list[int]) -> Array:
    """Return some columns of all rows, ``(N, K)`` float32, by blocks of rows."""
    slices = iterate_row_slices(part.x)
    found: Array = np.concatenate([part.x[rows][:, at] for rows in slices]).astype(np.float32)
    return found


def _find_fill(values: Array, data: Decoded, names: list[str]) -> Array:
    """Return what a missing value of each column is, ``(K,)``."""
    gaps = np.isnan(values)
    if not gaps.any():
        return np.zeros(len(names), np.float32)
    name = names[int(gaps.any(0).argmax())]
    if data.missing not in ("mean", "median") or gaps.all(0).any():
        raise DataError(
            f"condition.names: what is told must be known of each row, but {name} has missing "
            "values: set data.missing=mean or median, or leave it out"
        )
    average = np.nanmean if data.missing == "mean" else np.nanmedian
    return np.asarray(average(values.astype(np.float64), 0), np.float32)
