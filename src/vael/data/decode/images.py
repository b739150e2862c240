"""Decode pictures with Pillow: bytes to pixels, and to other sizes.

Channels: grey gives 1, grey with alpha 2, colour 3, colour with alpha 4. A data set has one number
of channels: colour as soon as one picture has colour (or a palette), alpha as soon as one has
alpha. 16-bit grey keeps its upper 8 bits. ``data.channels`` says it instead: to 1, colour becomes
its luma (0.299 R + 0.587 G + 0.114 B); to 1 and 3, what is transparent shows white behind it.

A photograph is turned as its EXIF orientation says, and of an animation the first picture counts.

Resizing is Pillow's bilinear filter. It is antialiased: where a picture shrinks, the triangle
covers all the pixels that become one. Nothing is cropped; the aspect ratio follows the target.
"""

import io
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from vael.data import on_disk
from vael.data.source import MAX_LEVELS, Array
from vael.errors import ConfigError, DataError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Raw = bytes | memoryview | str
"""An encoded picture, or the path of its file."""

CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
ORIENTATION = 0x0112  # of EXIF: 1 .. 8, of which 5 .. 8 lie on their side
# What Pillow's modes hold besides those: https://pillow.readthedocs.io (Concepts, Modes)
PLAIN = {
    **dict.fromkeys(("1", "I;16", "I;16B", "I;16L"), "L"),
    **dict.fromkeys(("P", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"), "RGB"),
    "PA": "RGBA",
    **{mode: mode for mode in CHANNELS},
}
# Pillow's names of what undoes the orientations 2 .. 8
# fmt: off
TURNS = ("FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM",
         "TRANSPOSE", "ROTATE_270", "TRANSVERSE", "ROTATE_90")
# fmt: on


def parse_channels(channels: int | None) -> int | None:
    """Check ``data.channels`` and return it.

    Raises:
        ConfigError: it is neither None nor 1, 3 or 4.
    """
    if channels is not None and (type(channels) is not int or channels not in MODES):
        raise ConfigError(
            f"data.channels must be null, 1 (grey), 3 (colour) or 4 (colour and "
            f"alpha), got {channels!r}"
        )
    return channels


def find_common_channels(rows: Callable[[], Iterable[Raw]], where: str) -> int:
    """Count the channels that hold all these pictures, by their headers: 1, 2, 3 or 4."""
    modes = {_mode(row, picture, raw, where) for row, raw, picture in _open(rows, where)}
    return CHANNELS[_widest(modes)]


def decode_images(
    rows: Callable[[], Iterable[Raw]],
    count: int,
    size: tuple[int, int] | None,
    where: str,
    channels: int | None = None,
) -> Array:
    """Return ``(N, C, H, W)`` uint8 of encoded pictures.

    Two passes: the headers say size and channels of all (and what is wrong with them) in a
    quarter of the time that the pixels take. More than fits into memory goes to a temporary file.

    Args:
        rows: gives the pictures in order, as often as it is called.
        count: how many there are.
        size: (height, width) to resize to; None: they must have one size.
        where: what the pictures are, for messages.
        channels: 1 to 4; None: as many as the pictures need.

    Raises:
        DataError: an unreadable picture, or sizes that differ while ``size`` is None.
    """
    modes: set[str] = set()
    first: tuple[int, int] | None = None
    with show_progress(f"decoding {where}", 2 * count) as tick:
        for row, raw, picture in _open(rows, where):
            tick()
            modes.add(_mode(row, picture, raw, where))
            found = picture.height, picture.width
            if _orientation(picture) >= 5:
                found = found[::-1]
            first = first or found
            if size is None and found != first:
                raise DataError(
                    f"{where}: pictures must have one size, got {first} (height, "
                    f"width) and in {_name(row, raw)} {found}; set data.image_size, "
                    f"for instance data.image_size=[{first[0]},{first[1]}]"
                )
        if first is None:
            raise DataError(f"{where}: a split must have at least 1 example, got none")
        mode = _widest(modes)
        if channels is not None:
            mode = next(name for name, count in CHANNELS.items() if count == channels)
        out = on_disk.allocate((count, CHANNELS[mode], *(size or first)), np.uint8)
        for row, raw, picture in _open(rows, where):
            tick()
            try:
                pixels = np.asarray(_fit(picture, mode, size))
            except Exception as error:  # Pillow's decoders raise anything on a damaged file
                raise DataError(_unreadable(where, row, raw, error)) from error
            out[row] = pixels.reshape(*pixels.shape[:2], -1).transpose(2, 0, 1)
    return out


def _open(rows: Callable[[], Iterable[Raw]], where: str) -> Iterator[tuple[int, Raw, "Picture"]]:
    """Open each row: its number, raw form and picture, of which no pixels are read yet."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        for row, raw in enumerate(rows()):
            try:
                picture = Image.open(raw if isinstance(raw, str) else io.BytesIO(raw))
            except Exception as error:  # the same; bombs are among it
                raise DataError(_unreadable(where, row, raw, error)) from error
            with picture:
                yield row, raw, picture


def _mode(row: int, picture: "Picture", raw: Raw, where: str) -> str:
    """Return the plain mode that holds what a picture has."""
    if picture.mode not in PLAIN:
        raise DataError(
            f"{where}, {_name(row, raw)}: a picture must be grey or colour with 8 "
            f"bits, got Pillow's mode {picture.mode}"
        )
    mode = PLAIN[picture.mode]
    if "transparency" not in picture.info:
        return mode
    return "LA" if mode == "L" else "RGBA"


def _orientation(picture: "Picture") -> int:
    """Return EXIF's orientation, 1 .. 8.

    Pillow turns TIFF by itself, and to look without need would load a PNG.
    """
    if "exif" not in picture.info or picture.format == "TIFF":
        return 1
    try:
        found = picture.getexif().get(ORIENTATION, 1)
    except Exception:  # a broken EXIF block is no reason to lose the picture
        return 1
    return found if found in range(1, 9) else 1


def _widest(modes: set[str]) -> str:
    colour = any(mode.startswith("RGB") for mode in modes)
    alpha = any(mode.endswith("A") for mode in modes)
    return ("RGB" if colour else "L") + ("A" if alpha else "")


def _name(row: int, raw: Raw) -> str:
    return f"example {row} ({raw})" if isinstance(raw, str) else f"example {row}"


def _unreadable(where: str, row: int, raw: Raw, error: Exception) -> str:
    return (
        f"{where}, {_name(row, raw)}: a picture must be one that Pillow reads, but it is not "
        f"({error}); mend it or leave it out"
    )


def _fit(picture: "Picture", mode: str, size: tuple[int, int] | None) -> "Picture":
    from PIL import Image

    turn = _orientation(picture)
    if picture.mode.startswith("I;16"):
        # The transparent colour of 16-bit grey is one of its 65,536 values.
        clear = picture.info.get("transparency")
        deep = np.asarray(picture)
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
    return picture


def resize_images(x: Array, size: tuple[int, int]) -> Array:
    """Resize ``(N, C, H, W)`` uint8 or float32 to ``(N, C, *size)``, channel by channel."""
    from PIL import Image

    out = np.empty((*x.shape[:2], *size), dtype=x.dtype)
    for target, planes in zip(out, x, strict=True):
        for plane, channel in zip(target, planes, strict=True):
            picture = Image.fromarray(np.ascontiguousarray(channel))
            plane[:] = np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR))
    return out


def resize_levels(x: Array, levels: int | None, size: tuple[int, int]) -> tuple[Array, int | None]:
    """Resize images; level numbers become 256 levels, images without levels stay in [0, 1]."""
    if levels is None:
        return resize_images(x, size).clip(0, 1), None
    grey = np.round(x * (255 / (levels - 1))).astype(np.uint8)
    return resize_images(grey, size), MAX_LEVELS


@contextmanager
def show_progress(text: str, total: int) -> Iterator[Callable[[], None]]:
    """Show one bar on a terminal, nothing in a log; call what it yields once for each example."""
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
