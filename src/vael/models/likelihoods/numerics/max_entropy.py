"""The maximum-entropy distribution over levels with a given mean: ``P(k) ~ exp(eta k)``.

k = 0 .. n. A decoder's logit l gives the mean ``n sigmoid(l)``; eta is then the solution of
``E[k] = n sigmoid(l)`` (odd in l, monotone, no closed form). It is tabulated once, in float64, as
a piecewise cubic with exact slopes: error 1e-10, and no iteration while training.
"""

from math import ceil, log
from typing import Any

import torch
from torch import Tensor

STEP = 1 / 64  # of the table, in logits; the cubic's error is STEP^4 / 384 * |eta''''|
TINY = 1e-20  # stands for 0 where a ratio has a limit


def natural_table(last: int) -> Tensor:
    """Tabulate -eta as a cubic in each cell of |l|: coefficients ``(4, K)``, levels 0 .. last.

    The last cell ends where eta = l + log n to 1e-9 (a geometric law), which continues it.
    """
    count = ceil((log(last) + 20) / STEP) + 1
    logit = torch.arange(count, dtype=torch.float64) * STEP
    mean = last * torch.sigmoid(-logit)
    low, high = torch.zeros_like(logit), logit + 1
    for _ in range(60):
        middle = 0.5 * (low + high)
        above = _moments(middle.clamp(min=1e-9), last)[0] > mean
        low, high = torch.where(above, middle, low), torch.where(above, high, middle)
    value = 0.5 * (low + high)
    slope = mean * torch.sigmoid(logit) / _moments(value.clamp(min=1e-9), last)[1]
    # At l = 0 the moments above cancel; the uniform law has them in closed form.
    value[0], slope[0] = 0.0, 3 * last / ((last + 1) ** 2 - 1)
    slope = slope * STEP
    rise = value.diff()
    a, b = slope[:-1], slope[1:]
    return torch.stack((value[:-1], a, 3 * rise - 2 * a - b, a + b - 2 * rise))


def _moments(decay: Tensor, last: int) -> tuple[Tensor, Tensor]:
    """Return mean and variance of P(k) ~ exp(-decay k), k = 0 .. last (truncated geometric)."""
    size = last + 1
    one, all_ = torch.expm1(decay), torch.expm1((size * decay).clamp(max=600))
    mean = 1 / one - size / all_
    return mean, (one + 1) / one.square() - size**2 * (all_ + 1) / all_.square()


def natural_parameter(logit: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
    """Return |eta| and d eta / d l at the logits."""
    size, cells = logit.abs(), table.shape[1]
    place = (size * (1 / STEP)).clamp_(max=cells - 0.5)
    cell = place.int()
    t = place.frac()
    c0, c1, c2, c3 = (row.index_select(0, cell.flatten()).view_as(t) for row in table.unbind(0))
    eta = (c3 * t).add_(c2).mul_(t).add_(c1).mul_(t).add_(c0).add_(size.sub_(place, alpha=STEP))
    slope = c3.mul_(3).mul_(t).add_(c2, alpha=2).mul_(t).add_(c1).mul_(1 / STEP)
    return eta, slope


def max_entropy_log_mass(x: Tensor, logit: Tensor, table: Tensor, last: int) -> Tensor:
    """Return ``eta k - log sum_j exp(eta j)`` with ``k = last x``, elementwise, nats.

    The gradient in the logit is ``(k - E[k]) d eta / d l`` = (x - m) / Var[x] m (1 - m).
    """
    return _LogMass.apply(x, logit, table, last)  # type: ignore[no-untyped-call, no-any-return]


class _LogMass(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, logit: Tensor, table: Tensor, last: int) -> Tensor:
        eta, slope = natural_parameter(logit, table)
        ctx.save_for_backward((x - torch.sigmoid(logit)).mul_(slope).mul_(last))
        # Counted from the likelier end: P(j) = exp(-eta j) / Z, Z = sum of exp(-eta j).
        end = (logit > 0).to(logit.dtype).mul_(last)
        j = ((x * last).round_() - end).abs_()
        eta = eta.clamp_(min=TINY).neg_()
        log_z = (eta * (last + 1)).expm1_().div_(eta.expm1()).log_()
        return j.mul_(eta).sub_(log_z)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (by_logit,) = ctx.saved_tensors
        return None, grad * by_logit, None, None


def sample_max_entropy(noise: Tensor, logit: Tensor, table: Tensor, last: int) -> Tensor:
    """Return the level, in [0, 1], at which the cdf first exceeds the uniform noise."""
    eta = natural_parameter(logit, table)[0].clamp(min=TINY)
    up = logit > 0
    u = torch.where(up, 1 - noise, noise)
    j = torch.log1p(u * torch.expm1(eta * -(last + 1))).div(-eta).floor().clamp(0, last)
    return torch.where(up, last - j, j) / last
