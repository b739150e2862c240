"""Recognise what values are when their dtype does not say it, for a line in the log."""

from math import isqrt, prod

import numpy as np

from vael.data.source import Array, Lazy

GRIDS = (1, 15, 16, 255, 65535)
OFF_GRID = 0.1  # of a level: half-precision files are off by up to 0.06 of 255
LOOK = 1000  # examples, of at most so many values together:
VALUES = 2**22


def describe_images(x: Array | Lazy, levels: int | None) -> list[str]:
    """Return what is remarkable about images, a line with a remedy, by a look at the first.

    Args:
        x: ``(N, C, H, W)``, level numbers, or floats where there are no levels.
        levels: of the images.
    """
    head = _look(x)
    if levels is None:
        steps = find_grid(head)
        if steps is None:
            return []
        kind = "0 or 1" if steps == 1 else f"multiples of 1/{steps}"
        return [
            f"the values are {kind}: set data.levels={steps + 1} to train and score them as such "
            "(bits/dim, val/bpd)"
        ]
    return describe_binary(head) or _describe_levels(head, levels)


def describe_binary(x: Array | Lazy) -> list[str]:
    """Return the line about grey values that are black and white only."""
    found = np.unique(_look(x))
    if found.dtype == np.uint8 and found.tolist() == [0, 255]:
        return [
            "the values are 0 and 255 only: data.binarize=threshold makes the images binary "
            "(bits/dim of 2 levels instead of 256)"
        ]
    return []


def _look(x: Array | Lazy) -> Array:
    return np.asarray(x[: max(1, min(LOOK, VALUES // prod(x.shape[1:])))])


def _describe_levels(x: Array, levels: int) -> list[str]:
    """Return the line about whole numbers that seem to have fewer levels than they are given."""
    highest, step = int(x.max()), int(np.gcd.reduce(np.unique(x)))
    if step > 1 and highest // step > 1:
        return [
            f"all values are multiples of {step}, up to {highest}: if there are no others, "
            f"x // {step} with data.levels={highest // step + 1} says so (bits/dim of that many "
            f"levels instead of {levels:,})"
        ]
    if 1 < highest < levels // 2:
        return [
            f"the values go up to {highest} of {levels - 1:,}: if there are no higher ones, "
            f"data.levels={highest + 1} says so (bits/dim of that many levels)"
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


def describe_table(x: Array | Lazy) -> list[str]:
    """Say of a table ``(N, D)`` of grey values how it becomes images."""
    head, size = _look(x), x.shape[1]
    for channels in (1, 3):
        side = isqrt(size // channels)
        if size < 64 or side * side * channels != size:
            continue
        known = head[np.isfinite(head)]
        whole = known.size and (known == np.floor(known)).all()
        if whole and known.min() >= 0 and 1 < known.max() <= 255:
            return [
                f"{size} columns of whole numbers 0 to {known.max():g} look like images that were "
                f"flattened: set data.shape=[{channels},{side},{side}] to train on images"
                + (f" (or [{side},{side},3])" if channels == 3 else "")
            ]
    return []
