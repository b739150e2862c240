"""Floor 6: pictures to arrays with Pillow: bytes to pixels, and other sizes.

Channels: grey gives 1, grey with alpha 2, colour 3, colour with alpha 4. A data set has one number
of channels: colour as soon as one picture has colour (or a palette), alpha as soon as one has
alpha. 16-bit grey keeps its upper 8 bits.

Resizing is Pillow's bilinear filter. It is antialiased: where a picture shrinks, the triangle
covers all the pixels that become one. Nothing is cropped; the aspect ratio follows the target.
"""

import io
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from vael.data.source import Array
from vael.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Raw = bytes | memoryview | str
"""An encoded picture, or the path of its file."""

CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
# What Pillow's modes hold besides those: https://pillow.readthedocs.io (Concepts, Modes)
PLAIN = {"1": "L", "I;16": "L", "I;16B": "L", "I;16L": "L", "P": "RGB", "PA": "RGBA",
         "RGBX": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "LAB": "RGB", "HSV": "RGB",
         **{mode: mode for mode in CHANNELS}}


def decode(rows: Callable[[], Iterable[Raw]], count: int, size: tuple[int, int] | None,
           where: str) -> Array:
    """``(N, C, H, W)`` uint8 of encoded pictures.

    Two passes: the headers say size and channels of all (and what is wrong with them) in a
    quarter of the time that the pixels take.

    Args:
        rows: gives the pictures in order, as often as it is called.
        count: how many there are.
        size: (height, width) to resize to; None: they must have one size.
        where: what the pictures are, for messages.

    Raises:
        DataError: an unreadable picture, or sizes that differ while ``size`` is None.
    """
    modes: set[str] = set()
    first: tuple[int, int] | None = None
    with progress(f"decoding {where}", 2 * count) as tick:
        for row, picture in _open(rows, where):
            tick()
            if picture.mode not in PLAIN:
                raise DataError(f"{where}, example {row}: a picture must be grey or colour with "
                                f"8 bits, got Pillow's mode {picture.mode}")
            mode = PLAIN[picture.mode]
            modes.add("RGBA" if mode == "RGB" and "transparency" in picture.info else mode)
            found = picture.height, picture.width
            first = first or found
            if size is None and found != first:
                raise DataError(f"{where}: pictures must have one size, got {first} (height, "
                                f"width) and in example {row} {found}; set data.image_size, "
                                f"for instance data.image_size=[{first[0]},{first[1]}]")
        if first is None:
            raise DataError(f"{where}: a split must have at least 1 example, got none")
        mode = _widest(modes)
        out = np.empty((count, CHANNELS[mode], *(size or first)), dtype=np.uint8)
        for row, picture in _open(rows, where):
            tick()
            try:
                pixels = np.asarray(_fit(picture, mode, size))
            except (OSError, SyntaxError, ValueError) as error:  # what Pillow's decoders raise
                raise DataError(_unreadable(where, row, error)) from error
            out[row] = pixels.reshape(*pixels.shape[:2], -1).transpose(2, 0, 1)
    return out


def _open(rows: Callable[[], Iterable[Raw]], where: str) -> Iterator[tuple[int, "Picture"]]:
    """Number and picture of each row; the pixels are not read yet."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        for row, raw in enumerate(rows()):
            try:
                picture = Image.open(raw if isinstance(raw, str) else io.BytesIO(raw))
            except (OSError, SyntaxError, ValueError, Image.DecompressionBombError,
                    Image.DecompressionBombWarning) as error:
                raise DataError(_unreadable(where, row, error)) from error
            yield row, picture


def _widest(modes: set[str]) -> str:
    colour = any(mode.startswith("RGB") for mode in modes)
    alpha = any(mode.endswith("A") for mode in modes)
    return ("RGB" if colour else "L") + ("A" if alpha else "")


def _unreadable(where: str, row: int, error: Exception) -> str:
    return (f"{where}, example {row}: a picture must be one that Pillow reads, but it is not "
            f"({error}); mend it or leave it out")


def _fit(picture: "Picture", mode: str, size: tuple[int, int] | None) -> "Picture":
    from PIL import Image

    if picture.mode.startswith("I;16"):
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.mode != mode:
        # By way of RGBA: the transparent colour of a palette is lost on any other way.
        if "transparency" in picture.info:
            picture = picture.convert("RGBA")
        picture = picture.convert(mode)
    if size is not None and (picture.height, picture.width) != size:
        picture = picture.resize(size[::-1], Image.Resampling.BILINEAR)
    return picture


def resize(x: Array, size: tuple[int, int]) -> Array:
    """``(N, C, H, W)`` uint8 or float32 to ``(N, C, *size)``, each channel by itself."""
    from PIL import Image

    out = np.empty((*x.shape[:2], *size), dtype=x.dtype)
    for target, planes in zip(out, x, strict=True):
        for plane, channel in zip(target, planes, strict=True):
            plane[:] = np.asarray(Image.fromarray(np.ascontiguousarray(channel)).resize(
                size[::-1], Image.Resampling.BILINEAR))
    return out


@contextmanager
def progress(text: str, total: int) -> Iterator[Callable[[], None]]:
    """One bar on a terminal, nothing in a log; call what it yields once for each example."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda: None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(text, total=total)
        done = 0

        def tick() -> None:
            nonlocal done
            done += 1
            if done % 256 == 0:  # each update takes a lock
                bar.update(task, completed=done)

        yield tick
