"""The log-probability that a Laplace variable falls into a quantisation cell.

The cell is mirrored to [a, b] right of the location, in units of sigma and from mu; c is its
centre and d half its width. Where it holds 0 its mass is ``1 - e^-d cosh c``, taken as

    m = (1 - e^-d) - e^a (1 - e^-c)^2 / 2

which cancels neither for a narrow cell nor in its gradient. Where a > 0 it is m at a = 0, times
``e^-a``. An open cell has infinite c and d. Through autograd it takes twice the time.
"""

from typing import Any

import torch
from torch import Tensor

from vael.models.likelihoods.numerics.cells import FAR, LogMass, edges


def laplace_log_cell(x: Tensor, mu: Tensor, log_sigma: Tensor, levels: int) -> Tensor:
    """Return ``log[F((x + h/2 - mu) / sigma) - F((x - h/2 - mu) / sigma)]``, nats, elementwise.

    x is on the grid ``k h`` of [0, 1]; the cells of 0 and 1 are open to infinity. log_sigma
    broadcasts to x - mu. Differentiable once, in mu and log_sigma.
    """
    return _LogCell.of(x, mu, log_sigma, levels)


class _LogCell(LogMass):
    @staticmethod
    def forward(ctx: Any, x: Tensor, mu: Tensor, log_sigma: Tensor, levels: int) -> Tensor:
        lower, upper, inner = edges(x, levels)
        inv = torch.exp(-log_sigma)
        half = inv * (0.5 / (levels - 1)) + (1 - inner) * FAR
        low, mirrored = (lower - mu).mul_(inv), (mu - upper).mul_(inv)
        a = torch.maximum(low, mirrored)
        around = a.clamp(max=0)
        beside = a - around
        c = around + half
        fall = torch.expm1(-c)
        weight = torch.exp(around).mul_(0.5)
        mass = (weight * fall).mul_(fall).add_(torch.expm1(-half)).neg_()
        wants_mu, wants_sigma = ctx.needs_input_grad[1:3]
        ctx.shapes = mu.shape, log_sigma.shape
        by_mu = by_log_sigma = None
        if wants_mu or wants_sigma:
            weight.div_(mass)
        if wants_mu:  # e^-2c - 1 = fall (fall + 2)
            sign = torch.sub(low, mirrored).sign_()
            by_mu = (fall + 2).mul_(fall).mul_(weight).mul_(sign).mul_(-inv)
        if wants_sigma:  # e^-2c = (fall + 1)^2
            by_log_sigma = (around - (c + half) * (fall + 1).square_()).mul_(weight).add_(beside)
        ctx.save_for_backward(by_mu, by_log_sigma)
        return mass.log_().sub_(beside)
