"""The edges of the quantisation cells, where a cdf has a closed form."""

import torch
from torch import Tensor

FAR = 1e30  # stands for infinity where FAR * 0 must be 0


def edges(x: Tensor, levels: int) -> tuple[Tensor, Tensor, Tensor]:
    """Lower edge, upper edge, and 1 for an inner cell or 0 for an outermost one, shaped as x.

    x lies on the grid ``k / (levels - 1)``. Counted from k: neighbours share an edge to the bit,
    so the masses sum to 1 as nearly as the cdf is rounded.
    """
    last = levels - 1
    k = (x * last).round()
    lowest, highest = (k < 0.5).to(x.dtype), (k > last - 0.5).to(x.dtype)
    lower = torch.add((k - 0.5) / last, lowest, alpha=-FAR)
    upper = torch.add((k + 0.5) / last, highest, alpha=FAR)
    return lower, upper, 1 - lowest - highest


def log1mexp(w: Tensor) -> Tensor:
    """``log(1 - exp(-w))`` for w > 0."""
    return torch.log(-torch.expm1(-w))
