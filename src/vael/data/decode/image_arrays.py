"""Images in arrays: to level numbers, to floats in [0, 1], or to real numbers as they are."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from vael.data.decode.pixels import check_numeric, to_levels
from vael.data.decode.resize import describe_resize, resize_images, resize_levels
from vael.data.decode.table import check_float32
from vael.data.decode.values import describe_images
from vael.data.on_disk import iterate_blocks
from vael.data.source import Array, Lazy, Support


@dataclass(frozen=True)
class ImageOptions:
    """How the images of an array are to be read.

    Attributes:
        levels: ``data.levels``.
        size: (height, width) to resize to, or None.
        support: ``unit`` or ``real``, see `vael.data.source.Decoded`.
    """

    levels: int | None = None
    size: tuple[int, int] | None = None
    support: Support = "unit"


def to_pixels(x: Array, options: ImageOptions, where: str) -> tuple[Array, int | None]:
    """Convert images ``(N, C, H, W)`` of finite numbers, and resize them; return their levels.

    Raises:
        DataError: values that the options do not allow, see `to_levels` and `check_real`.
    """
    if options.support == "real":
        check_real(x, where)
        plain = x.astype(np.float32)
        return plain if options.size is None else resize_images(plain, options.size), None
    made, levels = to_levels(x, options.levels, where)
    return (made, levels) if options.size is None else resize_levels(made, levels, options.size)


def check_real(x: Array | Lazy, where: str) -> None:
    """Refuse images ``(N, C, H, W)`` whose channels float32 cannot hold, block by block.

    Raises:
        DataError: NaN, infinite or huge values, or a channel whose values differ by less than
            float32 can tell apart.
    """
    names = [f"channel {c}" for c in range(x.shape[1])]
    check_float32(_by_channel(iterate_blocks(x), where), where, names, False)


def _by_channel(blocks: Iterable[Array], where: str) -> Iterator[Array]:
    """Turn blocks of images into rows of pixels, a column for each channel."""
    for block in blocks:
        check_numeric(block, where)
        yield np.moveaxis(block, 1, -1).reshape(-1, block.shape[1])


def describe_pixels(
    given: tuple[int, ...], options: ImageOptions, made: Array | Lazy, levels: int | None
) -> list[str]:
    """Say what was done to images, and what is remarkable about them.

    Args:
        given: their shape ``(N, C, H, W)`` before.
        options: by which it was read.
        made: ``(N, C, H, W)``, after it.
        levels: of these.
    """
    lines = []
    if options.size is not None and given[-2:] != options.size:
        lines.append(describe_resize(given[-2:], options.size, levels))
    if options.support == "real":
        lines.append(
            "the images hold real numbers (data.support=real): each channel is standardised over "
            "the training images; elbo and nll are of a density in those units, in nats, and "
            "comparable on this data only"
        )
        return lines
    return lines + describe_images(made, levels)
