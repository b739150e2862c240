"""Sprites drawn from known factors of variation; every combination has a number."""

from collections.abc import Sequence
from math import prod

import numpy as np
import numpy.typing as npt

from vael.data.cards import DataCard, find_card
from vael.data.source import Array, Arrays, Decoded, Lazy, Source, Split, parse_image_size

SHAPES = ("square", "ellipse", "heart")
FACTORS = (("shape", 3), ("scale", 6), ("orientation", 40), ("x", 32), ("y", 32))
HUE = ("hue", 6)  # red, yellow, green, cyan, blue, magenta: all the channels are 0 or 1
HUES = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1]], np.uint8)
VERSION = 1  # raise it when a number gets another picture

# In units of the height of the picture. Each shape fits a circle of 0.22 around its centre, and
# the centre stays 0.25 from the edge: nothing is ever cut off.
SQUARE = 0.1531  # half a side
ELLIPSE = 0.2087, 0.1043  # half axes
HEART = 0.1617  # of the unit of (u^2 + v^2 - 1)^3 = u^2 v^3, which reaches 1.34 from the centre
PLACES = 0.25 + 0.5 * np.arange(32) / 31
SCALES = 0.5 + 0.1 * np.arange(6)
ANGLES = 2 * np.pi * np.arange(40) / 40


def find_factors(index: npt.NDArray[np.int64], sizes: Sequence[int]) -> npt.NDArray[np.int64]:
    """Turn ``(N,)`` numbers into ``(N, F)`` factors: mixed radix, the last factor fastest."""
    return np.stack(np.unravel_index(index, tuple(sizes)), 1).astype(np.int64)


class Drawn(Lazy):
    """All sprites: ``(737280, 1, H, W)`` uint8 of 0 and 1, none of them in memory.

    A pixel is 1 where its centre lies inside of the shape. With colour there are 6 times as many,
    with 3 channels.

    Args:
        size: (height, width) of a picture.
        color: with the factor hue, the slowest one.
    """

    def __init__(self, size: tuple[int, int] = (64, 64), color: bool = False) -> None:
        self.color = color
        self.factors = (HUE, *FACTORS) if color else FACTORS
        self.sizes = tuple(count for _, count in self.factors)
        super().__init__((prod(self.sizes), 3 if color else 1, *size), np.uint8)

    def __getitem__(self, index: npt.NDArray[np.int64] | slice) -> Array:
        """Draw these sprites."""
        if isinstance(index, slice):
            index = np.arange(len(self))[index]
        factors = find_factors(index, self.sizes)
        inside = _inside(factors[:, -5:], self.shape[2:])
        if self.color:
            return inside * HUES[factors[:, 0], :, None, None]
        return inside


def _inside(factors: npt.NDArray[np.int64], size: tuple[int, ...]) -> Array:
    """Draw ``(N, 5)`` factors as ``(N, 1, H, W)`` uint8: which pixel centres are inside.

    In the frame of the sprite, scaled back to 1, a pixel is (u, v); both are a term of its row
    plus a term of its column, so that no matrix has to be multiplied.
    """
    height, width = size
    shape, scale, angle, x, y = factors.T
    grow = (1 / SCALES[scale])[:, None]
    cos, sin = np.cos(ANGLES[angle])[:, None] * grow, np.sin(ANGLES[angle])[:, None] * grow
    across = (np.arange(width) + 0.5) / width - PLACES[x][:, None]
    down = (np.arange(height) + 0.5) / height - PLACES[y][:, None]
    u_across, u_down = (cos * across).astype(np.float32), (sin * down).astype(np.float32)
    v_across, v_down = (-sin * across).astype(np.float32), (cos * down).astype(np.float32)
    out = np.empty((len(factors), 1, height, width), np.uint8)
    for n in range(len(factors)):  # one picture stays in the processor's cache, a batch does not
        u, v = u_down[n][:, None] + u_across[n], v_down[n][:, None] + v_across[n]
        _SHAPES[shape[n]](u, v, out[n, 0].view(np.bool_))
    return out


def _square(u: Array, v: Array, out: Array) -> None:
    np.less_equal(np.maximum(np.abs(u), np.abs(v)), np.float32(SQUARE), out=out)


def _ellipse(u: Array, v: Array, out: Array) -> None:
    a, b = np.float32(1 / ELLIPSE[0]), np.float32(1 / ELLIPSE[1])
    np.less_equal((u * a) ** 2 + (v * b) ** 2, 1, out=out)


def _heart(u: Array, v: Array, out: Array) -> None:
    """Test (u^2 + v^2 - 1)^3 <= u^2 v^3, upright on a screen, where y points down."""
    u, v = u * np.float32(1 / HEART), v * np.float32(-1 / HEART)
    uu, vv = u * u, v * v
    ring = uu + vv - 1
    np.less_equal(ring * ring * ring, uu * vv * v, out=out)


_SHAPES = (_square, _ellipse, _heart)


class Sprites(Source):
    """Binary sprites from five known factors, after dSprites (Matthey et al. 2017), ours.

    shape (square, ellipse, heart), scale (6 steps from 0.5 to 1), orientation (40 steps of 9
    degrees; unlike those of dSprites, 360 does not come twice), x and y (32 places each):
    737,280 pictures, ``find_factors`` says which is which. As there, a square looks the same after
    10 orientations and an ellipse after 20. The class label is the shape.

    Nothing is stored but labels and factors: a batch is drawn when it is asked for. At another
    ``image_size`` the same shapes are drawn with other pixels, still binary.

    Args:
        color: also a hue (6), which is the slowest factor: 4,423,680 pictures of 3 channels, each
            of which is 0 or 1.
        image_size: N or [H, W]; None: 64.
    """

    def __init__(self, color: bool = False, image_size: int | Sequence[int] | None = None) -> None:
        self.color = color
        self.image_size = parse_image_size(image_size)
        self._drawn = Drawn(self.image_size or (64, 64), color)

    def fingerprint(self) -> str:
        """Return which pictures, and which version of their drawing."""
        return f"{VERSION} {self._drawn.shape}"

    def describe(self) -> str:
        """Say that they are drawn."""
        return f"sprites drawn from {len(self._drawn.factors)} factors"

    def card(self) -> DataCard | None:
        """Return the card of sprites without hue."""
        return None if self.color else find_card("sprites", whole=self.image_size is None)

    def decode(self) -> Decoded:
        """Return all labels and factors; no picture."""
        sizes = self._drawn.sizes
        factors = find_factors(np.arange(len(self._drawn)), sizes)
        y = factors[:, -5].copy()
        arrays = Arrays(self._drawn, y, factors.astype(np.uint8))
        return Decoded(arrays, levels=2, factors=self._drawn.factors)

    def lazy(self) -> dict[Split, Lazy]:
        """Return the pictures."""
        return {"train": self._drawn}
