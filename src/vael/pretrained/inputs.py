"""Convert a user's images, tables and latents to what a model takes."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vael.errors import DataError
from vael.types import DataSpec, Shape

ArrayLike = Tensor | npt.ArrayLike


def convert_examples(x: ArrayLike, spec: DataSpec, gaps: bool = False) -> Tensor:
    """Return examples as the data source of a model would give them, ``(N, *E)`` on the CPU.

    Integers are level numbers ``0 .. raw_levels-1`` (0 .. 255 of an ordinary image); floats and
    booleans are in [0, 1] and become the nearest of the levels. Data without levels, such as a
    table, is float32 in its own units. Grey images may leave out their channel, ``(N, H, W)``.

    Args:
        x: an array, a tensor or nested lists.
        spec: of the data that the model was trained on.
        gaps: whether NaN stands for a missing value.

    Raises:
        DataError: another shape, values out of range, NaN or infinities.
    """
    event = spec.event_shape
    found = _tensor(x, f"examples of shape (N, {', '.join(map(str, event))})")
    if len(event) == 3 and event[0] == 1 and found.ndim == 3 and found.shape[1:] == event[1:]:
        found = found[:, None]
    _check_shape(found, event)
    if spec.raw_levels is None:
        found = found.float()
        _check_finite(found, gaps)
        if spec.support == "unit":
            _check_range(found, 0, 1, "numbers in [0, 1]")
        return found
    last = spec.raw_levels - 1
    dtype = torch.uint8 if last < 256 else torch.int32
    if found.dtype == torch.bool or found.is_floating_point():
        _check_finite(found, gaps)
        _check_range(found, 0, 1, f"floats in [0, 1], or integers 0 .. {last}")
        whole = (found.double() * last).round()
        return whole.float() if gaps else whole.to(dtype)
    _check_range(found, 0, last, f"integers 0 .. {last}, or floats in [0, 1]")
    if last == 255 and found.numel() and int(found.max()) == 1:
        raise DataError(
            f"x must be integers 0 .. {last} or floats in [0, 1], but got integers 0 "
            "and 1 only: if they mean black and white, give them as floats."
        )
    return found.to(dtype)


def convert_latents(z: ArrayLike, shape: Shape) -> Tensor:
    """Return latents as float32 ``(N, *Z)``; a single one ``Z`` gets its N.

    Raises:
        DataError: another shape, or numbers that are not finite.
    """
    found = _tensor(z, f"latents of shape (N, {', '.join(map(str, shape))})").float()
    if found.shape == shape:
        found = found[None]
    if found.shape[1:] != shape or found.ndim == 0:
        raise DataError(
            f"z must be latents of shape (N, {', '.join(map(str, shape))}), got "
            f"{tuple(found.shape)}."
        )
    if not found.isfinite().all():
        raise DataError("z must be finite, got NaN or infinities.")
    return found


def convert_numbers(value: ArrayLike, name: str) -> Tensor:
    """Return a number, or several, as float32.

    Raises:
        DataError: they are no numbers, or not finite.
    """
    found = _tensor(value, f"{name} as a number, or one for each example").float()
    if not found.isfinite().all():
        raise DataError(f"{name} must be finite, got NaN or infinities.")
    return found


def _tensor(given: ArrayLike, what: str) -> Tensor:
    try:
        if isinstance(given, Tensor) and not given.is_complex():
            return given.detach().cpu()
        array: npt.NDArray[Any] = np.asarray(given)
        if array.dtype.kind not in "buif":
            raise ValueError(f"dtype {array.dtype}")
        if array.dtype.kind == "u" and array.dtype.itemsize > 1:
            array = array.astype(np.int64)  # torch has few operations for wide unsigned numbers
        return torch.from_numpy(np.array(array, order="C"))  # a copy: torch refuses read-only ones
    except (TypeError, ValueError) as error:
        raise DataError(
            f"give {what}, as an array, a tensor or nested lists of numbers, got "
            f"{type(given).__name__} ({' '.join(str(error).split())})."
        ) from error


def _check_shape(x: Tensor, event: Shape) -> None:
    if x.ndim == len(event) + 1 and x.shape[1:] == event and len(x):
        return
    hint = "; one example needs its N too: x[None]" if x.shape == event else ""
    if len(event) == 3 and x.ndim == 4 and x.shape[1:] == (event[1], event[2], event[0]):
        hint = "; put the channels first: x.transpose(0, 3, 1, 2)"
    raise DataError(
        f"x must be examples of shape (N, {', '.join(map(str, event))}), got "
        f"{tuple(x.shape)}{hint}."
    )


def _check_finite(x: Tensor, gaps: bool) -> None:
    bad = x.isinf() if gaps else ~x.isfinite()
    if bad.any():
        raise DataError(
            f"x must be finite, but {int(bad.sum())} of {x.numel()} values are NaN or infinite."
        )


def _check_range(x: Tensor, low: int, high: int, what: str) -> None:
    seen = x[~x.isnan()] if x.is_floating_point() else x
    if seen.numel() and (seen.min() < low or seen.max() > high):
        raise DataError(
            f"x must be {what}, got values from {seen.min().item():g} to {seen.max().item():g}."
        )
