"""Decode pictures with Pillow: bytes to pixels, and to other sizes.

Channels: grey gives 1, colour 3. A data set has one number of channels: colour as soon as one
picture has colour (or a palette). Transparency is laid on white; ``data.channels=4`` keeps it. To
1, colour becomes its luma (0.299 R + 0.587 G + 0.114 B).

A picture of 16 bits needs ``data.levels``: 65536 keeps them, 256 the upper 8. A photograph is
turned as its EXIF orientation says, and of several frames the first one counts. What a picture
holds besides is told, a line each (`vael.data.decode.survey`).

Resizing is Pillow's bilinear filter. It is antialiased: where a picture shrinks, the triangle
covers all the pixels that become one. Nothing is cropped; the aspect ratio follows the target.
"""

import io
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np

from vael.data import on_disk
from vael.data.decode.fit import find_orientation, fit, fit_deep, is_turned
from vael.data.decode.survey import CHANNELS, DEEP, Survey, list_broken
from vael.data.source import BYTE_LEVELS, Array, Split
from vael.errors import ConfigError, DataError
from vael.progress import Countdown

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Raw = bytes | memoryview | str | None
"""An encoded picture, the path of its file, or None where there is none."""

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
Broken = Literal["refuse", "skip"]


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


@dataclass(frozen=True)
class PictureOptions:
    """How pictures are to be read.

    Attributes:
        size: (height, width) to resize to; None: they must have one size.
        channels: 1, 3 or 4; None: 1 or 3, as the pictures need.
        levels: 256 or 65536; None: 256, where the pictures have no more.
        broken: whether a picture that cannot be read is an error, or left out.
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    levels: int | None = None
    broken: Broken = "refuse"


class DecodedImages(NamedTuple):
    """``(N, C, H, W)`` uint8 or uint16 pixels, and which of the given pictures they are."""

    x: Array
    kept: list[int]


Rows = Callable[[], Iterable[Raw]]


def parse_pictures(
    size: tuple[int, int] | None, channels: int | None, levels: int | None, broken: Broken
) -> PictureOptions:
    """Check ``data.channels``, ``data.levels`` and ``data.broken`` of pictures.

    Raises:
        ConfigError: one of them is none of its options.
    """
    if levels not in (None, BYTE_LEVELS, DEEP):
        raise ConfigError(f"data.levels of pictures must be null, 256 or 65536, got {levels!r}")
    if broken not in get_args(Broken):
        raise ConfigError(f"data.broken must be one of refuse, skip, got {broken!r}")
    return PictureOptions(size, parse_channels(channels), levels, broken)


def decode_pictures(
    splits: Mapping[Split, tuple[Rows, int]], options: PictureOptions, where: str
) -> tuple[dict[Split, DecodedImages], int, list[str]]:
    """Decode the pictures of all splits alike.

    Two passes: the headers say size, channels and bits of all in a quarter of the time that the
    pixels take. More than fits into memory goes to a temporary file.

    Args:
        splits: what gives the encoded pictures of each in order, as often as it is called, and
            how many they are.
        options: how to read them.
        where: what the pictures are, for messages.

    Returns:
        The pictures, their levels, and a line for each thing that was left out.

    Raises:
        DataError: unreadable pictures, all of them named; sizes that differ; bits that would go.
    """
    survey = Survey(where)
    total = sum(count for _, count in splits.values())
    with Countdown(f"decoding {where}", 2 * total) as countdown:
        size = options.size
        for split, (rows, count) in splits.items():
            if not count:
                raise DataError(
                    f"{where}, split {split}: a split must have at least 1 example, got none"
                )
            found = _survey(rows, split, survey, options.size, size, countdown)
            size = size or found
        survey.check_depth(options.levels)
        mode, levels = survey.choose_mode(options.channels), options.levels or BYTE_LEVELS
        decoded = {
            split: _decode(rows, count, mode, levels, options.size, size, split, survey, countdown)
            for split, (rows, count) in splits.items()
        }
    if survey.broken and total == 1:
        ((name, reason),) = survey.broken.items()
        raise DataError(
            f"{where}, {name}: a picture must be one that Pillow reads, but it is not ({reason})"
        )
    if survey.broken and options.broken == "refuse":
        raise DataError(
            f"{where}: {list_broken(survey.broken)}; mend them, leave them out, or set "
            "data.broken=skip"
        )
    for split, pictures in decoded.items():
        if not pictures.kept:
            raise DataError(
                f"{where}, split {split}: a split must have at least 1 example, but "
                f"{list_broken(survey.broken)}"
            )
    return decoded, levels, survey.describe(options.channels, options.levels, options.size)


def decode_images(
    rows: Rows, count: int, size: tuple[int, int] | None, where: str, channels: int | None = None
) -> Array:
    """Return ``(N, C, H, W)`` uint8 of encoded pictures; see `decode_pictures`."""
    options = PictureOptions(size, channels, BYTE_LEVELS)
    return decode_pictures({"train": (rows, count)}, options, where)[0]["train"].x


def _survey(
    rows: Rows,
    split: Split,
    survey: Survey,
    resized: tuple[int, int] | None,
    first: tuple[int, int] | None,
    countdown: Countdown,
) -> tuple[int, int] | None:
    """Read all headers; return the size of the first picture."""
    for row, raw, picture in _open(rows, split, survey):
        countdown.add(1)
        name = _name(row, raw)
        found = picture.height, picture.width
        if find_orientation(picture) >= 5:
            found = found[::-1]
        survey.add(picture, f"{split}, {name}", found, is_turned(picture))
        first = first or found
        if resized is None and found != first:
            usual = 64 if min(*first, *found) >= 64 else 32
            raise DataError(
                f"{survey.where}, split {split}: pictures must have one size, got {first} "
                f"(height, width) and in {name} {found}; set data.image_size, "
                f"for instance data.image_size={usual}"
            )
    return first


def _decode(
    rows: Rows,
    count: int,
    mode: str,
    levels: int,
    resized: tuple[int, int] | None,
    size: tuple[int, int] | None,
    split: Split,
    survey: Survey,
    countdown: Countdown,
) -> DecodedImages:
    """Decode one split; what cannot be is noted in the survey."""
    dtype = np.uint8 if levels <= BYTE_LEVELS else np.uint16
    out = on_disk.allocate((count, CHANNELS[mode], *(size or (1, 1))), dtype)
    kept: list[int] = []
    for row, raw, picture in _open(rows, split, survey):
        countdown.add(1)
        try:
            pixels = (
                fit_deep(picture, mode, resized) if levels == DEEP else fit(picture, mode, resized)
            )
        except Exception as error:  # Pillow's decoders raise anything on a damaged file
            survey.broken[f"{split}, {_name(row, raw)}"] = _reason(error)
            continue
        out[len(kept)] = pixels.reshape(*pixels.shape[:2], -1).transpose(2, 0, 1)
        kept.append(row)
    return DecodedImages(out if len(kept) == count else out[: len(kept)], kept)


def _open(rows: Rows, split: str, survey: Survey) -> Iterator[tuple[int, Raw, "Picture"]]:
    """Open each row: its number, raw form and picture, of which no pixels are read yet."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        for row, raw in enumerate(rows()):
            try:
                if raw is None:
                    raise ValueError("there is none")
                picture = Image.open(raw if isinstance(raw, str) else io.BytesIO(raw))
            except Exception as error:  # the same; bombs are among it
                survey.broken[f"{split}, {_name(row, raw)}"] = _reason(error)
                continue
            with picture:
                yield row, raw, picture


def _name(row: int, raw: Raw) -> str:
    return f"example {row} ({raw})" if isinstance(raw, str) else f"example {row}"


def _reason(error: Exception) -> str:
    text = " ".join((str(error) or type(error).__name__).split())
    return "no format that Pillow reads" if "cannot identify" in text else text[:200]
