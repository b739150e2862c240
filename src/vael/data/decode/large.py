"""Decode an ``.npy`` that is larger than memory, block by block."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from vael.data.decode.image_arrays import ImageOptions, check_real, describe_pixels, to_pixels
from vael.data.decode.pixels import (
    channels_first,
    check_numeric,
    describe_axes,
    shape_examples,
    to_levels,
)
from vael.data.decode.table import check_float32
from vael.data.decode.values import describe_table
from vael.data.on_disk import ArrayOnDisk, Converted, iterate_blocks, open_npy
from vael.data.source import BYTE_LEVELS, Array, Arrays, Decoded, Lazy, Missing, level_dtype
from vael.types import Shape


@dataclass(frozen=True)
class LargeArray:
    """A large array with the options by which it is read; nothing here holds all of it.

    Attributes:
        raw: as it stands in the file.
        where: what it is, for messages.
        images: how images are read.
        missing: what is done about NaN in a table.
        shape: of an example, where the file has it flat; or None.
    """

    raw: ArrayOnDisk
    where: str
    images: ImageOptions
    missing: Missing
    shape: Shape | None

    @property
    def is_table(self) -> bool:
        """Whether an example is a row of numbers."""
        return (self.raw.ndim if self.shape is None else len(self.shape) + 1) == 2

    @property
    def stays(self) -> bool:
        """Whether the file is what batches are made of, as it is."""
        dtype = self.raw.dtype
        if self.is_table:
            return dtype == np.float32
        levels, whole = self.images.levels, dtype in (np.uint8, np.uint16)
        plain = (dtype == np.float32 and levels is None) or (
            whole and self.images.support == "unit" and dtype == level_dtype(levels or BYTE_LEVELS)
        )
        return plain and self.images.size is None

    def shaped(self) -> ArrayOnDisk:
        """Return the examples as ``(N, D)`` or ``(N, C, H, W)``."""
        steps: list[Callable[[Array], Array]] = []
        if self.shape is not None:
            steps.append(partial(shape_examples, shape=self.shape, where=self.where))
        if not self.is_table:
            steps.append(partial(channels_first, where=self.where))

        def view(block: Array) -> Array:
            for step in steps:
                block = step(block)
            return block

        return self.raw.seen_as(view) if steps else self.raw

    def decode(self) -> Decoded:
        """Check it and say what it is; what has to be converted is converted by the cache."""
        x = self.shaped()
        if self.is_table:
            check_float32(iterate_blocks(x), self.where, (), self.missing != "refuse")
            table = x if self.stays else Converted(x, lambda block: block.astype(np.float32))
            notes = describe_table(table)
            return Decoded(Arrays(table), None, missing=self.missing, notes=tuple(notes))
        options, levels = self.images, None
        if options.support == "real":
            check_real(x, self.where)
        else:
            levels = to_levels(self._extremes(x), options.levels, self.where)[1]
            options = replace(options, levels=levels)
        made: Lazy = x
        if not self.stays:
            made = Converted(x, lambda block: to_pixels(block, options, self.where)[0])
            levels = max(levels, BYTE_LEVELS) if levels and options.size else levels
        notes = describe_axes(self.shape or self.raw.shape)
        notes += describe_pixels(x.shape, options, made, levels)
        return Decoded(Arrays(made), levels, support=options.support, notes=tuple(notes))

    def _extremes(self, images: ArrayOnDisk) -> Array:
        """Return lowest and highest value; of bytes only until they cannot be binary any more."""
        low = high = images[:1].ravel()[0]
        for block in iterate_blocks(images):
            check_numeric(block, self.where)
            low, high = min(low, block.min()), max(high, block.max())
            if images.dtype == np.uint8 and self.images.levels in (None, BYTE_LEVELS) and high > 1:
                break
        return np.array([low, high], images.dtype)


def open_large(path: Path) -> ArrayOnDisk | None:
    """Open a large ``.npy``; None for any other file, which is read whole."""
    if path.suffix.lower() != ".npy":
        return None
    try:
        return open_npy(path)
    except (OSError, ValueError):
        return None  # to be said by who reads it whole
