"""Preprocessing on the device: raw values of a batch to the x of the likelihood."""

from collections.abc import Sequence
from math import prod
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from vael.data.observed import iterate_index
from vael.data.source import Array, Arrays, Missing
from vael.data.splits import SplitIndex
from vael.errors import ConfigError, DataError

Binarize = Literal["none", "threshold", "stochastic"]


class Preprocess(nn.Module):
    """Level numbers k to x = k / (levels - 1), binarised on request; tables standardised.

    ``none``        x = k / (levels - 1)
    ``threshold``   x = 1 where k / (levels - 1) >= 1/2, else 0
    ``stochastic``  x = 1 with probability k / (levels - 1), else 0: a fresh draw for each call,
                    the same for the same state of the generator (Salakhutdinov and Murray 2008)

    Data without levels passes as ``(x - shift) / scale``, with ``fill`` for each missing value
    (NaN) of a table; without fill NaN stays NaN. There are no parameters; shift, scale and fill
    are buffers, so that a checkpoint can turn samples back into the units of the data.

    Args:
        binarize: the mode, from ``data.binarize``.
        levels: number of values per dimension of the raw data; None for data without levels.
        shift: ``(D,)`` means of the columns of a table, or ``(C, 1, 1)`` of the channels of images
            of real numbers.
        scale: their standard deviations.
        fill: ``(D,)`` what stands for a missing value of a column; None: there are none.

    Raises:
        ConfigError: an unknown mode, or binarisation of data without levels.
    """

    shift: Tensor | None
    scale: Tensor | None
    fill: Tensor | None

    def __init__(
        self,
        binarize: Binarize = "none",
        levels: int | None = None,
        shift: Tensor | None = None,
        scale: Tensor | None = None,
        fill: Tensor | None = None,
    ) -> None:
        super().__init__()
        if binarize not in get_args(Binarize):
            raise ConfigError(
                f"data.binarize must be one of {', '.join(get_args(Binarize))}, got {binarize!r}"
            )
        if levels is None and binarize != "none":
            raise ConfigError(
                f"data.binarize={binarize} needs data with levels (grey values), "
                "got data without levels, such as a table; set data.binarize=none"
            )
        self.binarize: Binarize = binarize
        self.raw_levels = levels
        self.register_buffer("shift", shift)
        self.register_buffer("scale", scale)
        self.register_buffer("fill", fill)

    @property
    def levels(self) -> int | None:
        """Number of values per dimension of what `forward` returns."""
        return self.raw_levels if self.binarize == "none" else 2

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Convert raw values ``(B, *E)`` to float32; only ``stochastic`` draws."""
        if self.fill is not None:
            x = torch.where(torch.isnan(x), self.fill, x)
        if self.raw_levels is None:
            return x if self.shift is None or self.scale is None else (x - self.shift) / self.scale
        seen = self._scale(x, generator)
        return torch.where(torch.isnan(x), x, seen) if x.is_floating_point() else seen

    def _scale(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """Convert level numbers; what becomes of a NaN is no matter."""
        assert self.raw_levels is not None
        steps = self.raw_levels - 1
        if self.binarize == "threshold":
            return (x >= (steps + 1) // 2).float()
        if self.binarize == "stochastic":
            assert generator is not None
            u = uniform_levels(steps, x.shape, generator)
            return torch.lt(u, x, out=torch.empty(x.shape, device=x.device))
        return x.float() / steps

    def restore(self, x: Tensor) -> Tensor:
        """Convert x as the likelihood sees it, ``(..., *E)``, to the units of the data."""
        return x if self.shift is None or self.scale is None else x * self.scale + self.shift


def uniform_levels(steps: int, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Draw u uniform on {0 .. steps-1}: P(u < k) = k / steps.

    On a CPU, for steps up to 255 (uint8), eight random bytes at a time, an eighth of the time of
    `torch.randint`: those that do not fit a whole number of times are drawn again, so u is
    exactly as uniform as the bytes.
    """
    device = generator.device
    if device.type != "cpu" or steps > 255:  # there, to draw some again is to wait for the device
        dtype = torch.uint8 if steps <= 255 else torch.int32
        return torch.randint(steps, shape, dtype=dtype, generator=generator, device=device)
    words = torch.empty(-(-shape.numel() // 8), dtype=torch.int64)
    words.random_(-(2**63), None, generator=generator)
    u = words.view(torch.uint8)[: shape.numel()]
    rest = 256 % steps
    if rest:
        # NumPy's comparison and search take a tenth of torch's time.
        again = torch.from_numpy(np.flatnonzero(u.numpy() >= 256 - rest))
        u[again] = torch.randint(256 - rest, again.shape, dtype=torch.uint8, generator=generator)
    return (u % steps if 2 * steps <= 256 else u).reshape(shape)


def column_fill(
    arrays: Arrays, index: SplitIndex, missing: Missing, names: Sequence[str] = ()
) -> Tensor | None:
    """Return mean or median of what is there of each column, ``(D,)``; None: refused.

    A column at a time, so that a memory-mapped table may be larger than memory.

    Raises:
        DataError: a column without any value in these rows.
    """
    if missing in ("refuse", "mask"):
        return None
    fill = np.empty(arrays.x.shape[1])
    for column in range(len(fill)):
        values = np.concatenate(
            [arrays.x[block][:, column] for block in iterate_index(arrays, index)]
        )
        values = values[~np.isnan(values)].astype(np.float64)
        if not len(values):
            name = names[column] if names else column
            raise DataError(
                f"each column must have a value in the training rows, but column "
                f"{name} is missing in all {len(index)}; leave it out of the table"
            )
        fill[column] = values.mean() if missing == "mean" else np.median(values)
    return torch.tensor(fill, dtype=torch.float32)


class Moments(NamedTuple):
    """Mean and standard deviation of each column, and whether it is constant; ``(D,)`` each.

    Of images ``(N, C, H, W)`` and series ``(N, C, T)`` each channel counts as a column.
    """

    mean: Tensor
    std: Tensor
    constant: npt.NDArray[np.bool_]


def column_moments(
    arrays: Arrays, index: SplitIndex, fill: Tensor | None = None, holes: bool = False
) -> Moments:
    """Return the moments of each column over some rows, in float32.

    In float64 and two passes, by blocks of rows, so that a memory-mapped table may be larger than
    memory. A constant column gets scale 1: it becomes 0. Missing values count as ``fill``, and
    with ``holes`` not at all.
    """
    blocks = iterate_index(arrays, index)
    n: Array | int = len(index) * prod(arrays.x.shape[2:])

    def rows(block: SplitIndex) -> Array:
        found = arrays.x[block].astype(np.float64)
        if found.ndim > 2:
            found = np.moveaxis(found, 1, -1).reshape(-1, found.shape[1])
        return found if fill is None else np.where(np.isnan(found), fill.numpy(), found)

    add = np.nansum if holes else np.sum
    if holes:
        n = sum((~np.isnan(rows(block))).sum(0) for block in blocks)
    mean = sum(add(rows(block), 0) for block in blocks) / n
    variance = sum(add((rows(block) - mean) ** 2, 0) for block in blocks) / n
    # As float32 sees it: the rounded mean of a constant column may differ from its value.
    std = np.sqrt(np.asarray(variance))
    constant = std <= 1e-7 * np.abs(mean)
    std[constant] = 1.0
    mean32 = torch.tensor(mean, dtype=torch.float32)
    return Moments(mean32, torch.tensor(std, dtype=torch.float32), constant)
