"""Draw images as tiles on a transparent sheet: upscaled without smoothing, labelled, in rows.

The sheet is transparent and its text a grey that reads on white and on near-black alike, so that
one file serves a light page, a dark one and paper.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

Pixels = NDArray[np.uint8]

INK = (122, 130, 140, 255)
TILE = 80  # the least length in pixels of a tile's longer side
GAP = 3  # between tiles
BLOCK_GAP = 18  # between blocks of rows
FONT = 15
REACH = 3  # standard deviations either side of the mean that images of real numbers show
REAL = (
    f" Each channel goes from {REACH} standard deviations below its mean in training (black) to "
    f"{REACH} above (white)."
)


@dataclass(frozen=True)
class TileRow:
    """One line of tiles ``(N, h, w, 4)`` and the text to its left (may have several lines)."""

    tiles: Pixels
    label: str = ""


def make_tiles(images: Tensor) -> Pixels:
    """Turn images ``(N, C, H, W)`` in [0, 1] into RGBA tiles ``(N, s*H, s*W, 4)``, s >= 1 whole.

    Values are clamped to [0, 1], NaN becomes 0. One channel is shown grey, three as RGB, four as
    RGBA over a checkerboard; of two channels, or more than four, the first is shown grey.
    """
    assert images.ndim == 4, f"images must be (N, C, H, W), got {tuple(images.shape)}"
    values = images.detach().float().cpu().nan_to_num(nan=0.0).clamp(0, 1).permute(0, 2, 3, 1)
    pixels = (values * 255).round().numpy().astype(np.uint8)
    channels, height, width = images.shape[1:]
    scale = max(1, ceil(TILE / max(height, width)))
    if channels not in (3, 4):
        pixels = np.repeat(pixels[..., :1], 3, axis=-1)
    pixels = pixels.repeat(scale, axis=1).repeat(scale, axis=2)
    if channels == 4:
        pixels = _over_checkerboard(pixels)
    opaque = np.full((*pixels.shape[:-1], 1), 255, np.uint8)
    return np.concatenate([pixels, opaque], axis=-1)


def show_real(x: Tensor) -> Tensor:
    """Map images of real numbers, standardised, to [0, 1]: from -`REACH` to `REACH`."""
    return x / (2 * REACH) + 0.5


def _over_checkerboard(pixels: Pixels) -> Pixels:
    """Blend RGBA ``(N, H, W, 4)`` onto the grey squares that stand for "transparent"."""
    height, width = pixels.shape[1:3]
    squares = (np.arange(height)[:, None] // 8 + np.arange(width)[None, :] // 8) % 2
    ground = np.where(squares == 0, 205, 155)[None, :, :, None]
    alpha = pixels[..., 3:].astype(np.float32) / 255
    blended: Pixels = (pixels[..., :3] * alpha + ground * (1 - alpha)).round().astype(np.uint8)
    return blended


def draw_sheet(blocks: Sequence[Sequence[TileRow]], header: Sequence[str] = ()) -> Image.Image:
    """Draw rows of tiles from top to bottom, with space between blocks and labels at the left.

    Args:
        blocks: groups of rows that belong together; all tiles have one size.
        header: a text above each column, or nothing.
    """
    rows = [row for block in blocks for row in block]
    assert rows, "a sheet needs at least one row"
    height, width = rows[0].tiles.shape[1:3]
    font = ImageFont.load_default(FONT)
    pen = ImageDraw.Draw(Image.new("RGBA", (1, 1)))
    label_width = max(pen.multiline_textbbox((0, 0), row.label, font)[2] for row in rows)
    left = ceil(label_width) + 16 if label_width else 0
    top = FONT + 10 if header else 0
    columns = max(len(row.tiles) for row in rows)
    total = (
        left + columns * (width + GAP) - GAP,
        top + len(rows) * (height + GAP) - GAP + (len(blocks) - 1) * (BLOCK_GAP - GAP),
    )
    canvas = Image.new("RGBA", total, (0, 0, 0, 0))
    pen = ImageDraw.Draw(canvas)
    for column, text in enumerate(header):
        middle = left + column * (width + GAP) + width / 2
        pen.text((middle, top - 6), text, INK, font, anchor="ms")
    y = top
    for block in blocks:
        for row in block:
            if row.label:
                at = (left - 12, y + height / 2)
                pen.multiline_text(at, row.label, INK, font, anchor="rm", align="right")
            for column, tile in enumerate(row.tiles):
                canvas.paste(Image.fromarray(tile), (left + column * (width + GAP), y))
            y += height + GAP
        y += BLOCK_GAP - GAP
    return canvas
