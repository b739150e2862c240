"""Read an uploaded picture as the model would have met it in its data."""

import io
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vael.data.decode.images import decode_images
from vael.errors import DataError
from vael.types import Shape

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")
MAX_PIXELS = 40_000_000
KINDS = {1: "grey", 2: "grey with alpha", 3: "colour", 4: "colour with alpha"}


@dataclass(frozen=True)
class UploadedPicture:
    """Hold an uploaded picture.

    Attributes:
        raw: ``(1, C, H, W)`` as the data has it: uint8 level numbers, or float32 in [0, 1].
        note: what was done to it; empty where it fits as it is.
    """

    raw: Tensor
    note: str


def read_picture(
    content: bytes, shape: Shape, levels: int | None, invert: bool
) -> UploadedPicture:
    """Decode a picture file, resized and turned into the channels and levels of the data.

    Args:
        content: of the file.
        shape: ``(C, H, W)`` of the data.
        levels: of the raw data, or None.
        invert: whether light and dark are exchanged: ink is dark on paper, and light in MNIST.

    Raises:
        DataError: it is no picture, one that cannot be read, or one too large.
    """
    channels, height, width = shape
    found = _header(content)
    pixels = decode_images(lambda: [content], 1, (height, width), "the upload", channels)
    if invert:
        pixels = np.concatenate([255 - pixels[:, :3], pixels[:, 3:]], 1)  # alpha stays
    note = []
    if found[:2] != (height, width):
        note.append(f"resized from {found[1]} x {found[0]} to {width} x {height} pixels")
    if found[2] != channels:
        note.append(f"turned from {KINDS[found[2]]} into {KINDS[channels]}")
    if levels is None:
        return UploadedPicture(torch.from_numpy(pixels.astype(np.float32) / 255), "; ".join(note))
    raw = np.round(pixels.astype(np.float32) * ((levels - 1) / 255)).astype(np.int32)
    if levels < 256:
        note.append(f"its 256 grey values rounded to the {levels} of the data")
    return UploadedPicture(torch.from_numpy(raw), "; ".join(note))


def _header(content: bytes) -> tuple[int, int, int]:
    """Return height, width and channels; Pillow is given no format that runs another program."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # refused below
            with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
                size, bands = picture.size, picture.getbands()
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(
            f"a picture must be one of {', '.join(FORMATS)}, but this file "
            f"({len(content):,} bytes) is none that can be read."
        ) from error
    if size[0] * size[1] > MAX_PIXELS:
        raise _too_large()
    return size[1], size[0], 1 if bands == ("1",) else 3 if bands == ("P",) else len(bands)


def _too_large() -> DataError:
    return DataError(
        f"a picture must have at most {MAX_PIXELS / 1e6:.0f} million pixels, but "
        "this one has more: make it smaller."
    )
