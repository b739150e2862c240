"""Convert arrays of images as people save them to ``(N, C, H, W)`` and levels."""

from collections.abc import Sequence
from math import prod

import numpy as np

from vael.data.source import BYTE_LEVELS, MAX_LEVELS, Array, level_dtype
from vael.errors import ConfigError, DataError
from vael.types import Shape

NUMBERS = {
    "c": "real and imaginary part may be two channels: numpy.stack([x.real, x.imag], 1)",
    "V": "name the fields to use, one array each in an .npz, or join them: "
    "numpy.lib.recfunctions.structured_to_unstructured(x)",
    "M": "count from a day: (x - x.min()).astype(float)",
    "m": "x.astype(float)",
    "U": "x.astype(float), where the texts are numbers",
    "S": "x.astype(float), where the texts are numbers",
}  # what to do, by numpy's kind of dtype
TOLERANCE = 0.1  # of a level: half-precision files are off by up to 0.06 of 255


def check_levels(levels: int | None) -> int | None:
    """Refuse a number of levels that two bytes cannot hold.

    Raises:
        ConfigError: it is neither None nor 2 .. 65536.
    """
    if levels is not None and (type(levels) is not int or not 2 <= levels <= MAX_LEVELS):
        raise ConfigError(
            f"data.levels must be null or a whole number from 2 to {MAX_LEVELS}, got {levels!r}"
        )
    return levels


def check_numeric(x: Array, where: str) -> None:
    """Refuse what is not a finite real number.

    Raises:
        DataError: a dtype that is no real number, or NaN or infinite values (how many, and
            where the first one is).
    """
    if x.dtype.kind not in "buif":
        remedy = NUMBERS.get(x.dtype.kind, "convert them to floats")
        raise DataError(f"{where}: values must be real numbers, got dtype {x.dtype}; {remedy}")
    if x.dtype.kind == "f":
        bad = ~np.isfinite(x)
        if bad.any():
            first = tuple(int(i) for i in np.unravel_index(int(bad.argmax()), x.shape))
            raise DataError(
                f"{where}: values must be finite, got {int(bad.sum())} NaN or infinite, the first "
                f"({x[first]}) at index {list(first)}; remove or replace them"
            )


def channels_first(x: Array, where: str) -> Array:
    """Convert ``(N, H, W)``, ``(N, H, W, C)`` or ``(N, C, H, W)`` to ``(N, C, H, W)``.

    The channels are the axis, second or last, that is 1, 2, 3 or 4 long. An array where both
    are, or neither, is refused.

    Raises:
        DataError: another rank, or no telling which axis the channels are.
    """
    if x.dtype.kind == "V":
        check_numeric(x, where)
    if x.ndim == 3:
        return x[:, None]
    if x.ndim != 4:
        raise DataError(
            f"{where}: an array must be a table (N, D) or images (N, H, W), (N, H, W, C) or "
            f"(N, C, H, W), got shape {x.shape}; volumes and series are trained on as tables, "
            "data.shape=[VALUES OF ONE EXAMPLE]"
        )
    second, last = 1 <= x.shape[1] <= 4, 1 <= x.shape[3] <= 4
    if second == last:
        raise DataError(
            f"{where}: images must have 1 to 4 channels in the second or in the last "
            f"axis, and not in both, got shape {x.shape}; save them as (N, C, H, W), or train on "
            f"volumes as a table: data.shape=[{prod(x.shape[1:])}]"
        )
    return x if second else x.transpose(0, 3, 1, 2)


def describe_axes(shape: Shape) -> list[str]:
    """Return the line about an array ``(N, H, W)`` that may be one colour image, or a series."""
    if len(shape) != 3 or shape[2] > 4:
        return []
    n, height, width = shape
    return [
        f"an array of shape {shape} is read as {n} grey images of {height} x {width}: one colour "
        "image needs its axis of examples, x[None]; series (N, T, C) are a table, "
        f"data.shape=[{height * width}]"
    ]


def _more_levels(low: int, high: int) -> str:
    """Say how many levels hold these values."""
    if low < 0 or high >= MAX_LEVELS:
        return ""
    enough = next(levels for levels in (256, 1024, 4096, MAX_LEVELS) if high < levels)
    return f"set data.levels={enough} to keep all of them"


def _rescale(low: float, high: float) -> str:
    """Say what brings these values into [0, 1]."""
    if low >= -1e-3 and high <= 1.001:
        return "clip them: numpy.clip(x, 0, 1)"
    if low >= -1.001 and high <= 1.001:
        return "rescale them: (x + 1) / 2"
    if low >= 0 and high <= 255:
        return "grey values are saved as uint8: x.astype(numpy.uint8)"
    return "undo their standardisation, or rescale them: (x - x.min()) / (x.max() - x.min())"


def _without_bounds(x: Array) -> str:
    """Say how values without bounds, and what is no image, are trained on."""
    return (
        "images of any numbers are trained on with a density: data.support=real; series (N, T, C) "
        f"as a table: data.shape=[{prod(x.shape[1:])}]"
    )


def parse_shape(shape: Sequence[int] | int | None) -> Shape | None:
    """Parse ``data.shape``, the shape of one example.

    Raises:
        ConfigError: it is no list of one to three numbers >= 1.
    """
    if shape is None:
        return None
    given = [shape] if isinstance(shape, int) else list(shape)
    if not 1 <= len(given) <= 3 or not all(type(n) is int and n >= 1 for n in given):
        raise ConfigError(
            "data.shape must be null or the shape of one example, such as [1,28,28], [28,28], "
            f"[32,32,3] or [320] (a table), got {given}"
        )
    return tuple(given)


def shape_examples(x: Array, shape: Shape, where: str) -> Array:
    """Give each example this shape: ``(N, 784)`` to ``(N, 1, 28, 28)``.

    Raises:
        DataError: an example has another number of values.
    """
    if x.ndim < 2 or prod(x.shape[1:]) != prod(shape):
        raise DataError(
            f"{where}: data.shape={list(shape)} must hold the values of one example, got an array "
            f"of shape {x.shape}, {prod(x.shape[1:])} values each"
        )
    return x.reshape(len(x), *shape)


def to_whole(x: Array) -> Array:
    """Convert floats that are all whole numbers, as a text has them, to int64."""
    whole = x.dtype.kind == "f" and np.isfinite(x).all() and (x == np.floor(x)).all()
    return x.astype(np.int64) if whole else x


def to_levels(x: Array, levels: int | None, where: str) -> tuple[Array, int | None]:
    """Convert images of any real dtype to level numbers, or to float32 without levels.

    bool: 2 levels. Whole numbers: ``levels`` (256 if None) of them, 0 .. levels-1. Floats with
    ``levels``: they must be k / (levels-1). Floats without: float32 in [0, 1], and no levels.

    Raises:
        DataError: values outside of that, or binary images that would pass for 256 levels.
    """
    low, high = x.min(), x.max()
    if x.dtype.kind == "b":
        if levels not in (None, 2):
            raise DataError(f"{where}: bool images have 2 levels, got data.levels={levels}")
        return x.astype(np.uint8), 2
    if x.dtype.kind in "ui":
        if levels is None and high <= 1:
            raise DataError(
                f"{where}: whole numbers have 256 levels unless data.levels says "
                f"otherwise, but these are {low} to {high}; set data.levels=2 for "
                "binary images (or data.levels=256 if that is meant)"
            )
        levels = levels or BYTE_LEVELS
        if low < 0 or high >= levels:
            raise DataError(
                f"{where}: images of whole numbers must be 0 to {levels - 1} "
                f"(data.levels={levels}), got {low} to {high}; "
                f"{_more_levels(int(low), int(high)) or _without_bounds(x)}"
            )
        return x.astype(level_dtype(levels)), levels
    if low < 0 or high > 1:
        grey = low >= -1e-3 and high <= 255
        bounds = "" if grey else f"; {_without_bounds(x)}"
        raise DataError(
            f"{where}: float images must lie in [0, 1], got {low!s} to {high!s}; "
            f"{_rescale(float(low), float(high))}{bounds}"
        )
    if levels is None:
        return x.astype(np.float32), None
    scaled = x.astype(np.float64) * (levels - 1)
    k = np.round(scaled)
    off = np.abs(scaled - k)
    if off.max() > TOLERANCE:
        first = tuple(int(i) for i in np.unravel_index(int(off.argmax()), x.shape))
        raise DataError(
            f"{where}: with data.levels={levels} each value must be k/{levels - 1}, "
            f"got {x[first]:g} at index {list(first)}; set data.levels=null"
        )
    return k.astype(level_dtype(levels)), levels
