"""Recognise what values are when their dtype does not say it, for a line in the log."""

from collections.abc import Sequence
from math import isqrt, prod

import numpy as np

from vael.data.source import Array, Lazy

GRIDS = (1, 15, 16, 255, 65535)
OFF_GRID = 0.1  # of a level: half-precision files are off by up to 0.06 of 255
LOOK = 1000  # examples, of at most so many values together:
VALUES = 2**22


def describe_values(x: Array | Lazy, table: bool, columns: Sequence[str] = ()) -> list[str]:
    """Return what is remarkable about the values of examples: each a line with a remedy."""
    head = np.asarray(x[: max(1, min(LOOK, VALUES // prod(x.shape[1:])))])
    if table:
        return _describe_table(head, columns)
    if head.dtype.kind == "f":
        steps = find_grid(head)
        if steps is None:
            return []
        kind = "0 or 1" if steps == 1 else f"multiples of 1/{steps}"
        return [
            f"the values are {kind}: set data.levels={steps + 1} to train and score them as such "
            "(bits/dim, val/bpd)"
        ]
    found = np.unique(head)
    if head.dtype == np.uint8 and len(found) == 2 and found.tolist() == [0, 255]:
        return [
            "the values are 0 and 255 only: data.binarize=threshold makes the images binary "
            "(bits/dim of 2 levels instead of 256)"
        ]
    return []


def find_grid(x: Array) -> int | None:
    """Return the fewest steps of 1/steps in [0, 1] on which all values lie, or None."""
    wide = x.astype(np.float64)
    for steps in GRIDS:
        scaled = wide * steps
        if (np.abs(scaled - np.round(scaled)) <= OFF_GRID).all() and len(np.unique(x)) > 1:
            return steps
    return None


def _describe_table(x: Array, columns: Sequence[str]) -> list[str]:
    """Say of a table of grey values how it becomes images."""
    size = x.shape[1]
    for channels in (1, 3):
        side = isqrt(size // channels)
        if size < 64 or side * side * channels != size:
            continue
        known = x[np.isfinite(x)]
        whole = known.size and (known == np.floor(known)).all()
        if whole and known.min() >= 0 and 1 < known.max() <= 255:
            return [
                f"{size} columns of whole numbers 0 to {known.max():g} look like images that were "
                f"flattened: set data.shape=[{channels},{side},{side}] to train on images"
            ]
    return []
