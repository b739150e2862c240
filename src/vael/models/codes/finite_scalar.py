"""A fixed grid of codes: finite scalar quantisation."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from vael.errors import ConfigError
from vael.models.codes.quantizer import Quantized, Quantizer, check_number, pass_straight

EDGE = 1e-3  # how far the bound lies beyond the outermost levels, so that they can be reached


class FiniteScalarQuantizer(Quantizer):
    """Round each number to one of L_i levels: ``K = prod(L_i)`` codes without a codebook.

    Mentzer et al. 2023 (https://arxiv.org/abs/2309.15505), Sec. 3.1 and Appendix A.1. The number
    z_i is bounded to ``h tanh(z_i + s) - o`` and rounded, with h half of ``L_i - 1`` and a
    thousandth more, o = 0 and s = 0 where L_i is odd, o = 1/2 and ``tanh(s) = o / h`` where it is
    even, and divided by ``floor(L_i / 2)``: into [-1, 1]. The code is the number of the levels in
    mixed radix, the first one fastest. The gradient passes the rounding straight.

    Args:
        levels: L_1 .. L_v, at least 2 each.

    Raises:
        ConfigError: there are none, one is below 2, or they make too many codes.
    """

    def __init__(self, levels: Sequence[int]) -> None:
        super().__init__()
        self.levels = list(levels)
        if not self.levels or not all(type(n) is int and n >= 2 for n in self.levels):
            raise ConfigError(
                "latents.levels must be a list of whole numbers of at least 2, such as [8,5,5], "
                f"but got {self.levels}."
            )
        self.size, self.num_codes = len(self.levels), math.prod(self.levels)
        check_number(f"latents.levels={self.levels}", self.num_codes)

    def forward(self, vectors: Tensor) -> Quantized:
        """Quantise vectors ``(N, v)``."""
        codes = torch.zeros_like(vectors[:, 0], dtype=torch.int64)
        bounded, rounded, radix = [], [], 1
        # Numbers of Python's, not tensors: an average of the weights would move those.
        for level, z in zip(self.levels, vectors.unbind(-1), strict=True):
            half, offset, width = (level - 1) * (1 + EDGE) / 2, (level + 1) % 2 / 2, level // 2
            inside = half * torch.tanh(z + math.atanh(offset / half)) - offset
            bounded.append(inside / width)
            rounded.append(inside.round() / width)
            codes = codes + radix * (inside.round().long() + width)
            radix *= level
        return Quantized(codes, pass_straight(torch.stack(bounded, -1), torch.stack(rounded, -1)))

    def find(self, vectors: Tensor) -> Tensor:
        """Return the codes ``(N,)`` of the nearest vectors of the grid, without a list of all."""
        codes = torch.zeros_like(vectors[:, 0], dtype=torch.int64)
        radix = 1
        for level, z in zip(self.levels, vectors.unbind(-1), strict=True):
            width = level // 2
            codes = codes + radix * ((z * width).round().long() + width).clamp(0, level - 1)
            radix *= level
        return codes

    def look_up(self, codes: Tensor) -> Tensor:
        """Return the vectors ``(..., v)`` of codes ``(...,)``."""
        numbers = []
        for level in self.levels:
            width = level // 2
            numbers.append((codes % level - width) / width)
            codes = codes // level
        return torch.stack(numbers, -1)
