"""Floor 6: from the raw values of a batch to the x that the likelihood sees, on the device."""

from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from vael.data.source import Array, Arrays
from vael.data.splits import Index
from vael.errors import ConfigError

Binarize = Literal["none", "threshold", "stochastic"]


class Preprocess(nn.Module):
    """Level numbers k to x = k / (levels - 1), binarised on request; tables standardised.

    ``none``        x = k / (levels - 1)
    ``threshold``   x = 1 where k / (levels - 1) >= 1/2, else 0
    ``stochastic``  x = 1 with probability k / (levels - 1), else 0: a fresh draw for each call,
                    the same for the same state of the generator (Salakhutdinov and Murray 2008)

    Data without levels passes as ``(x - shift) / scale``. There are no parameters; shift and scale
    are buffers, so that a checkpoint can turn samples back into the units of the table.

    Args:
        binarize: the mode, from ``data.binarize``.
        levels: number of values per dimension of the raw data; None for data without levels.
        shift: ``(D,)`` means of the columns of a table.
        scale: ``(D,)`` standard deviations of the columns of a table.

    Raises:
        ConfigError: an unknown mode, or binarisation of data without levels.
    """

    shift: Tensor | None
    scale: Tensor | None

    def __init__(
        self, binarize: Binarize = "none", levels: int | None = None,
        shift: Tensor | None = None, scale: Tensor | None = None,
    ) -> None:
        super().__init__()
        if binarize not in get_args(Binarize):
            raise ConfigError(f"data.binarize must be one of {', '.join(get_args(Binarize))}, "
                              f"got {binarize!r}")
        if levels is None and binarize != "none":
            raise ConfigError(f"data.binarize={binarize} needs data with levels (grey values), "
                              "got data without levels, such as a table; set data.binarize=none")
        self.binarize: Binarize = binarize
        self.raw_levels = levels
        self.register_buffer("shift", shift)
        self.register_buffer("scale", scale)

    @property
    def levels(self) -> int | None:
        """Number of values per dimension of what `forward` returns."""
        return self.raw_levels if self.binarize == "none" else 2

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """``(B, *E)`` raw values to float32; only ``stochastic`` draws from the generator."""
        if self.raw_levels is None:
            return x if self.shift is None or self.scale is None else (x - self.shift) / self.scale
        steps = self.raw_levels - 1
        if self.binarize == "threshold":
            return (x >= (steps + 1) // 2).float()
        if self.binarize == "stochastic":
            assert generator is not None
            # u uniform on {0 .. steps-1}, then P(u < k) = k / steps: 0 and 1 at the ends, and up
            # to the 2**-32 of randint's modulo between. A quarter of torch.bernoulli's time.
            u = torch.randint(steps, x.shape, dtype=torch.uint8, device=x.device,
                              generator=generator)
            return (u < x).float()
        return x.float() / steps

    def restore(self, x: Tensor) -> Tensor:
        """From x as the likelihood sees it to the units of a table, ``(..., D)``."""
        return x if self.shift is None or self.scale is None else x * self.scale + self.shift


def column_moments(arrays: Arrays, index: Index) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each column over some rows, ``(D,)`` float32 each.

    In float64 and two passes, by blocks of rows, so that a memory-mapped table may be larger than
    memory. A constant column gets scale 1: it becomes 0.
    """
    n = len(index)
    blocks = [index[at:at + 65_536] for at in range(0, n, 65_536)]

    def rows(block: Index) -> Array:
        return arrays.x[block].astype(np.float64)

    mean = sum(rows(block).sum(0) for block in blocks) / n
    variance = sum(((rows(block) - mean) ** 2).sum(0) for block in blocks) / n
    # As float32 sees it: the rounded mean of a constant column may differ from its value.
    std = np.sqrt(np.asarray(variance))
    std[std <= 1e-7 * np.abs(mean)] = 1.0
    return torch.tensor(mean, dtype=torch.float32), torch.tensor(std, dtype=torch.float32)
