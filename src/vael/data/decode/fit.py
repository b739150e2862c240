"""Bring one picture of Pillow's to the mode, turn and size that all of them get."""

from typing import TYPE_CHECKING

import numpy as np

from vael.data.decode.survey import DEEP, DEEP_GREY
from vael.data.source import Array

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

ORIENTATION = 0x0112  # of EXIF: 1 .. 8, of which 5 .. 8 lie on their side
# Pillow's names of what undoes the orientations 2 .. 8
# fmt: off
TURNS = ("FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM",
         "TRANSPOSE", "ROTATE_270", "TRANSVERSE", "ROTATE_90")
# fmt: on


def find_orientation(picture: "Picture") -> int:
    """Return EXIF's orientation, 1 .. 8.

    Pillow turns TIFF by itself, and to look without need would load a PNG.
    """
    if "exif" not in picture.info or picture.format == "TIFF":
        return 1
    return _read_orientation(picture)


def is_turned(picture: "Picture") -> bool:
    """Tell whether a picture is seen otherwise than its pixels lie in the file."""
    if picture.format == "TIFF":
        return _read_orientation(picture) > 1
    return find_orientation(picture) > 1


def _read_orientation(picture: "Picture") -> int:
    try:
        found = picture.getexif().get(ORIENTATION, 1)
    except Exception:  # a broken EXIF block is no reason to lose the picture
        return 1
    return found if found in range(1, 9) else 1


def fit(picture: "Picture", mode: str, size: tuple[int, int] | None) -> Array:
    """Return the pixels of a picture in a mode and size, ``(H, W)`` or ``(H, W, C)`` uint8."""
    from PIL import Image

    turn = find_orientation(picture)
    if picture.mode in DEEP_GREY:
        # The transparent colour of 16-bit grey is one of its 65,536 values.
        clear = picture.info.get("transparency")
        deep = _deep(picture)
        picture = Image.fromarray((deep >> 8).astype(np.uint8))
        if clear is not None:
            picture.putalpha(Image.fromarray(np.where(deep == clear, 0, 255).astype(np.uint8)))
    elif "transparency" in picture.info:
        # By way of RGBA: the transparent colour of a palette is lost on any other way.
        picture = picture.convert("RGBA")
    elif picture.mode == "PA":
        picture = picture.convert("RGBA")
    if picture.mode in ("LA", "RGBA") and mode in ("L", "RGB"):
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture).convert("RGB")
    if picture.mode != mode:
        picture = picture.convert(mode)
    if turn != 1:
        picture = picture.transpose(Image.Transpose[TURNS[turn - 2]])
    if size is not None and (picture.height, picture.width) != size:
        picture = picture.resize(size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(picture)


def fit_deep(picture: "Picture", mode: str, size: tuple[int, int] | None) -> Array:
    """Return the pixels on 65,536 levels; those of 8 bits times 257, so that white stays white."""
    from PIL import Image

    if picture.mode not in DEEP_GREY:
        return fit(picture, mode, size).astype(np.uint16) * 257
    turn, clear = find_orientation(picture), picture.info.get("transparency")
    found = _deep(picture)

    def fitted(plane: Array) -> Array:
        made = Image.fromarray(plane.astype(np.float32))  # Pillow resizes no 16 bits
        if turn != 1:
            made = made.transpose(Image.Transpose[TURNS[turn - 2]])
        if size is not None and (made.height, made.width) != size:
            made = made.resize(size[::-1], Image.Resampling.BILINEAR)
        return np.asarray(made).round().astype(np.uint16)

    opaque = DEEP - 1
    alpha = np.full_like(found, opaque) if clear is None else np.where(found == clear, 0, opaque)
    if mode != "RGBA" and clear is not None:
        found = np.maximum(found, opaque - alpha)  # laid on white
    grey = fitted(found)
    return grey if mode == "L" else np.stack([grey] * 3 + [fitted(alpha)] * (mode == "RGBA"), -1)


def _deep(picture: "Picture") -> Array:
    """Return 16-bit grey values; Pillow's mode I has 32 bits.

    Raises:
        ValueError: values that 16 bits do not hold.
    """
    deep = np.asarray(picture)
    if deep.size and (deep.min() < 0 or deep.max() >= DEEP):
        raise ValueError(
            f"its values, {deep.min()} to {deep.max()}, do not fit 16 bits: save them with "
            "numpy.save, and set data=array data.support=real"
        )
    return deep.astype(np.uint16)
