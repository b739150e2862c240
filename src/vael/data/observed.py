"""Count what is observed of data with missing values (NaN), and refuse what is not at all."""

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from vael.data.source import Array, Arrays, Split
from vael.data.splits import SplitIndex
from vael.errors import DataError

SHOWN = 10


def iterate_index(arrays: Arrays, index: SplitIndex) -> list[SplitIndex]:
    """Return pieces of an index of at most 65,536 rows and 64 MiB as float64."""
    step = max(1, min(65_536, 2**23 // prod(arrays.x.shape[1:])))
    return [index[at : at + step] for at in range(0, len(index), step)]


def count_observed(
    selected: Mapping[Split, tuple[Arrays, SplitIndex]], names: Sequence[str] = ()
) -> dict[Split, float]:
    """Return the mean number of observed dimensions of an example of each split.

    Raises:
        DataError: an example of which nothing is observed, or a column of a table (a channel of
            images) that no training example has.
    """
    found: dict[Split, float] = {}
    for split, (arrays, index) in selected.items():
        by_column: Array = np.zeros(arrays.x.shape[1], np.int64)
        for block in iterate_index(arrays, index):
            there = ~np.isnan(arrays.x[block])
            empty = np.flatnonzero(~there.reshape(len(block), -1).any(1))
            if empty.size:
                raise DataError(
                    f"each example must have an observed value, but example {block[empty[0]]} of "
                    f"{split} (counted from 0) has none ({empty.size} such); leave it out"
                )
            by_column += np.moveaxis(there, 1, -1).reshape(-1, len(by_column)).sum(0)
        hidden = np.flatnonzero(by_column == 0)
        if split == "train" and hidden.size:
            kind = "column" if arrays.x.ndim == 2 else "channel"
            listed = ", ".join(str(names[at] if names else at) for at in hidden[:SHOWN])
            raise DataError(
                f"each {kind} must have a value in the training examples, but {kind} {listed} is "
                f"missing in all {len(index)}; leave it out"
            )
        found[split] = float(by_column.sum() / len(index)) if len(index) else 0.0
    return found
