"""Turn arrays into pictures: PIL images, and matplotlib figures as PNG.

Matplotlib is used by its Figure class alone, never by pyplot: no global state, no display.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from vael.files import write_bytes
from vael.report.tiles import TileRow, draw_sheet, make_tiles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 10
Show = Callable[[Tensor], Tensor]
"""From the values of images to [0, 1]."""


@dataclass(frozen=True)
class Picture:
    """An image and one sentence that says what it shows; the sentence travels in the PNG."""

    image: Image.Image | Figure
    caption: str = ""


def draw_reconstructions(x: Tensor, mean: Tensor) -> Image.Image:
    """Draw each original with its reconstruction directly below it, in labelled pairs of rows.

    Args:
        x: the originals, ``(B, C, H, W)`` in [0, 1].
        mean: what the decoder makes of them, of the same shape; clamped to [0, 1].
    """
    assert x.shape == mean.shape, f"{tuple(x.shape)} and {tuple(mean.shape)} must be equal"
    pair = (make_tiles(x), "original"), (make_tiles(mean), "decoded")
    starts = range(0, len(x), COLUMNS)
    return draw_sheet([[TileRow(t[i : i + COLUMNS], name) for t, name in pair] for i in starts])


def draw_samples(images: Tensor, columns: int = COLUMNS) -> Image.Image:
    """Draw images ``(N, C, H, W)`` in [0, 1], row by row."""
    drawn = make_tiles(images)
    return draw_sheet([[TileRow(drawn[i : i + columns]) for i in range(0, len(drawn), columns)]])


def draw_rows(images: Tensor, labels: Sequence[str], header: Sequence[str] = ()) -> Image.Image:
    """Draw rows of images ``(rows, columns, C, H, W)`` in [0, 1], with a text beside each."""
    rows = [TileRow(make_tiles(row), label) for row, label in zip(images, labels, strict=True)]
    return draw_sheet([rows], header)


def draw_traversal(images: Tensor, labels: Sequence[str], values: Tensor) -> Image.Image:
    """Draw one row for each latent dimension, one column for each value that it is set to.

    Args:
        images: ``(dims, steps, C, H, W)`` in [0, 1].
        labels: what is written beside each row, such as the dimension and its KL in nats.
        values: what each dimension is set to, ``(dims, steps)``.
    """
    assert images.ndim == 5, f"images must be (dims, steps, C, H, W), got {tuple(images.shape)}"
    assert len(labels) == len(images), f"{len(images)} rows need as many labels: {labels}"
    labels, header = label_values(labels, values)
    return draw_rows(images, labels, header)


def label_values(labels: Sequence[str], values: Tensor) -> tuple[list[str], list[str]]:
    """Return labels of rows and of columns that say what each dimension is set to.

    Values ``(dims, steps)`` that all rows share stand above the columns, others in the labels.
    """
    if bool((values == values[0]).all()):
        return [*labels], [f"{value:+.2g}" if value else "0" for value in values[0].tolist()]
    ends = values[:, [0, -1]].tolist()
    return [
        f"{label}\n{low:+.2g} to {high:+.2g}"
        for label, (low, high) in zip(labels, ends, strict=True)
    ], []


def encode_png(picture: Picture) -> bytes:
    """Encode a picture as PNG with its caption as ``Description``; same input, same bytes."""
    buffer = io.BytesIO()
    if isinstance(picture.image, Image.Image):
        info = PngInfo()
        if picture.caption:
            info.add_itxt("Description", picture.caption)
        picture.image.save(buffer, "PNG", pnginfo=info)
    else:
        text = {"Description": picture.caption, "Software": None}
        picture.image.savefig(buffer, format="png", dpi=picture.image.dpi, metadata=text)
    return buffer.getvalue()


def save_picture(picture: Picture | Image.Image | Figure, path: Path) -> Path:
    """Write a PNG atomically, making its folder where it is missing."""
    whole = picture if isinstance(picture, Picture) else Picture(picture)
    content = encode_png(whole)
    write_bytes(path, lambda file: file.write(content))
    return path
