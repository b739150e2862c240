"""Quantisation cells: their edges, and what the fused log-masses of families share."""

from typing import Any

import torch
from torch import Tensor

FAR = 1e30  # stands for infinity where FAR * 0 must be 0


def edges(x: Tensor, levels: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return lower edges, upper edges, and 1 for an inner or 0 for an outermost cell.

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
    """Return ``log(1 - exp(-w))`` for w > 0."""
    return torch.log(-torch.expm1(-w))


class LogMass(torch.autograd.Function):
    """The log-mass of cells, nats, as one operation; a family writes ``forward``.

    ``forward(ctx, x, mu, log_sigma, width)`` keeps the derivatives by mu and log_sigma while all
    that they need is at hand, and the shapes of both.
    """

    @classmethod
    def of(cls, x: Tensor, mu: Tensor, log_sigma: Tensor, width: float) -> Tensor:
        """Compute it elementwise; where no gradient is wanted none is computed."""
        if not torch.is_grad_enabled():
            mu, log_sigma = mu.detach(), log_sigma.detach()
        return cls.apply(x, mu, log_sigma, width)  # type: ignore[no-untyped-call, no-any-return]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients by mu and log_sigma only."""
        by_mu, by_log_sigma = ctx.saved_tensors
        return (
            None,
            None if by_mu is None else (grad * by_mu).sum_to_size(ctx.shapes[0]),
            None if by_log_sigma is None else (grad * by_log_sigma).sum_to_size(ctx.shapes[1]),
            None,
        )
