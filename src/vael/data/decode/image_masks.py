"""Which pixels of images are observed: those that are no NaN, and what a mask in the file says."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from vael.data.decode.pixels import channels_first
from vael.data.source import SPLITS, Array, Split
from vael.errors import DataError


def list_mask_names(split: Split) -> tuple[str, ...]:
    """Return what the mask of a split may be called in an ``.npz``."""
    names = (f"mask_{split}", f"{split}_mask")
    return ("mask", *names) if split == "train" else names


def read_masks(path: Path) -> dict[Split, Array]:
    """Return the masks that an ``.npz`` has, by split; True is observed."""
    if path.suffix.lower() != ".npz":
        return {}
    with np.load(path, allow_pickle=False) as file:
        found = [(split, name) for split in SPLITS for name in list_mask_names(split)]
        return {split: file[name] for split, name in found if name in file.files}


def hide_pixels(
    x: Array, mask: Array | None, decode: Callable[[Array], tuple[Array, int | None]], where: str
) -> tuple[Array, int | None]:
    """Decode images as if missing pixels were 0, and make them NaN; return the levels, too.

    Args:
        x: as in the file, ``(N, H, W)`` or with channels.
        mask: of the same shape, or without the channels; 1 or True is observed.
        decode: makes ``(N, C, H, W)`` of images without NaN.
        where: what they are, for messages.

    Raises:
        DataError: a mask of another shape, or that is not of 0 and 1.
    """
    there = ~np.isnan(x) if x.dtype.kind == "f" else np.ones(x.shape, bool)
    if mask is not None:
        there &= _fit(mask, x, where)
    if not there.any():
        raise DataError(f"{where}: each image must have an observed pixel, but the mask hides all")
    made, levels = decode(np.where(there, x, 0).astype(x.dtype))
    return np.where(channels_first(there, where), made, np.nan).astype(np.float32), levels


def _fit(mask: Array, x: Array, where: str) -> Array:
    """Return a mask in the shape of x."""
    if not np.isin(mask, (0, 1)).all():
        raise DataError(
            f"{where}: a mask must be of 0 and 1 (True is observed), but got values from "
            f"{mask.min():g} to {mask.max():g}"
        )
    flags: Array = mask.astype(bool)
    if flags.size == x.size and len(flags) == len(x):
        return flags.reshape(x.shape)
    if x.ndim == 4 and flags.shape == x.shape[:3]:
        return flags[..., None]
    if x.ndim == 4 and flags.shape == (len(x), *x.shape[2:]):
        return flags[:, None]
    raise DataError(
        f"{where}: a mask must have the shape of the images {x.shape}, or that without channels, "
        f"but got {mask.shape}"
    )
