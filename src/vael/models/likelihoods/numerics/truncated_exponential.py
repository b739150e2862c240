"""The exponential law cut to [0, 1]: over levels, ``P(k) ~ exp(l k / n)``, k = 0 .. n, or dense.

Everything is counted from the likelier end, so that no exponential overflows: with ``a = |l|``,
``eta = a / n`` and j steps from that end, ``P(j) = exp(-eta j) / Z``,
``Z = expm1(-eta (n + 1)) / expm1(-eta)``; the density, y from that end, is ``exp(-a y) / Z``,
``Z = -expm1(-a) / a``.
The mean is a difference of two poles at l = 0: there the Taylor series takes over.
"""

from typing import Any

import torch
from torch import Tensor

TINY = 1e-20  # stands for 0 where a ratio has a limit
LARGE = 80.0  # exp(80) is finite in float32, and 1 / exp(80) is 0 to rounding
# B_2i / (2i)!, i = 1, 2, ...: coth(t / 2) / 2 - 1 / t = t / 12 - t^3 / 720 + ...
# fmt: off
SERIES = (1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000,
          1 / 74724249600, -3617 / 10670622842880000, 43867 / 5109094217170944000,
          -174611 / 802857662698291200000)
# fmt: on


def truncated_log_law(x: Tensor, logit: Tensor, levels: int | None) -> Tensor:
    """Return log P(level of x), or the log-density of x where levels is None, nats.

    The gradient in the logit is ``x - mean``.
    """
    return _LogLaw.apply(x, logit, levels)  # type: ignore[no-untyped-call, no-any-return]


class _LogLaw(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, logit: Tensor, levels: int | None) -> Tensor:
        if levels is not None:
            x = (x * (levels - 1)).round_().div_(levels - 1)
        if ctx.needs_input_grad[1]:
            ctx.save_for_backward(x - truncated_mean(logit, levels))
        away = (x - (logit > 0).to(logit.dtype)).abs_()  # from the likelier end
        size = logit.abs()
        return away.mul_(size).neg_().sub_(_log_z(size, levels))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (by_logit,) = ctx.saved_tensors
        return None, grad * by_logit, None


def _log_z(size: Tensor, levels: int | None) -> Tensor:
    if levels is None:
        size = size.clamp(min=TINY)
        return torch.expm1(-size).div_(-size).log_()
    eta = (size * (-1 / (levels - 1))).clamp_(max=-TINY)
    return (eta * levels).expm1_().div_(eta.expm1()).log_()


def truncated_mean(logit: Tensor, levels: int | None) -> Tensor:
    """Return E[x] in [0, 1], elementwise; within 4 ulp of 1."""
    terms = SERIES if logit.dtype == torch.float64 else SERIES[:4]
    if levels is None:
        reach = 1.0
        size = logit.abs().clamp(min=reach)
        away = 1 / size - 1 / torch.expm1(size.clamp(max=LARGE))
    else:
        last = levels - 1
        reach = last / levels  # the neglected terms are then no larger than without levels
        powers = [2 * i for i in range(1, len(terms) + 1)]
        terms = tuple(c * (levels**p - 1) / last**p for c, p in zip(terms, powers, strict=True))
        eta = logit.abs().clamp(min=reach) / last
        all_ = torch.expm1((eta * levels).clamp(max=LARGE))
        away = (1 / torch.expm1(eta.clamp(max=LARGE)) - levels / all_) / last
    near = logit.clamp(-reach, reach)
    square, series = near.square(), torch.full_like(near, terms[-1])
    for coefficient in terms[-2::-1]:
        series = series * square + coefficient
    far = torch.where(logit > 0, 1 - away, away)
    return torch.where(logit.abs() < reach, 0.5 + near * series, far)


def sample_truncated(noise: Tensor, logit: Tensor, levels: int | None) -> Tensor:
    """Return the inverse cdf at uniform noise: x in [0, 1], on the grid where there are levels."""
    up = logit > 0
    u = torch.where(up, 1 - noise, noise)
    size = logit.abs().clamp(min=TINY)
    if levels is None:
        away = (torch.log1p(u * torch.expm1(-size)) / -size).clamp(0, 1)
        return torch.where(up, 1 - away, away)
    last = levels - 1
    eta = (size / last).clamp(min=TINY)
    j = torch.log1p(u * torch.expm1(eta * -levels)).div(-eta).floor().clamp(0, last)
    return torch.where(up, last - j, j) / last
