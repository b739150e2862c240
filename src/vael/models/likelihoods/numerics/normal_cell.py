"""The log-probability that a normal variable falls into a quantisation cell, fast and exact.

A log_ndtr difference costs as much as a whole MLP step, and cancels where the step is far below
sigma. Here every cell is mirrored to lie right of the location (an outermost one: to reach to
infinity there). With ``lo``, ``hi`` its edges, ``u`` its centre and ``d`` half its width in units
of sigma, ``w = u d``, ``fall = exp(-2 w) - 1 = phi(hi) / phi(lo) - 1``:

    bulk  m = Q(lo) - Q(hi), Q = erfc(./sqrt 2) / 2; relatively exact until erfc underflows
    fine  m = phi(lo) (-fall) / u (1 + d^2 / 3) for small d: the integral of
          phi(u + s) = phi(u) e^-us e^-s^2/2 over |s| < d, the last factor expanded; no difference
    tail  m = phi(lo) [R(lo) - R(hi) - R(hi) fall], R Mills' ratio by its asymptotic series

The gradient needs only ``phi(lo) / m`` and ``fall`` on top.
"""

from math import log, pi, sqrt
from typing import Any

import torch
from torch import Tensor

from vael.models.likelihoods.numerics.cells import FAR, LogMass

TINY = 1e-20  # stands for 0 where a ratio has a limit
LOG_SQRT_2PI = 0.5 * log(2 * pi)
# Mills' ratio R(z) = 1/z + sum of c z^-(k+1), k = 1, 2, ... (Abramowitz and Stegun 7.1.23)
MILLS = (0.0, -1.0, 0.0, 3.0, 0.0, -15.0)


def normal_log_cell(x: Tensor, mu: Tensor, log_sigma: Tensor, half: float) -> Tensor:
    """Return ``log[Phi((x + half - mu) / sigma) - Phi((x - half - mu) / sigma)]``, elementwise.

    x is on the grid ``k * 2 half`` of [0, 1]; the cells of 0 and 1 are open to infinity.
    log_sigma broadcasts to x - mu. Differentiable once, in mu and log_sigma.

    Returns:
        nats; in float32 within 1e-4 + 4 ulp of the exact value at the float32 arguments.
    """
    return _LogCell.of(x, mu, log_sigma, half)


class _LogCell(LogMass):
    """The value and, while all that they need is at hand, its derivatives."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mu: Tensor, log_sigma: Tensor, half: float) -> Tensor:
        inv = torch.exp(-log_sigma)
        width = inv * (2 * half)
        delta = x - mu
        # -1 in the lowest cell, 1 in the highest, 0 between.
        side = (x - 0.5).mul_(1 + 2 * half).round_()
        sign = torch.add(delta, side, alpha=FAR).sign_()
        far = side.abs_().mul_(FAR)
        centre = sign * delta
        # Two levels: (x - mu) - half would round where x = 1 and mu < half; half - mu does not.
        lo = (half - mu).mul(sign) if half == 0.5 else centre - half
        lo = lo * inv
        u = (centre * inv).clamp_(min=TINY)
        fall = (u * -width).sub_(far).expm1_()
        value, ratio = _log_mass(lo, width, far, u, fall)
        wants_mu, wants_sigma = ctx.needs_input_grad[1:3]
        ctx.shapes = mu.shape, log_sigma.shape
        ctx.save_for_backward(
            (ratio * fall).mul_(sign).mul_(-inv) if wants_mu else None,
            (fall + 1).mul_(width).addcmul_(lo, fall).mul_(ratio).neg_() if wants_sigma else None,
        )
        return value


def _log_mass(
    lo: Tensor, width: Tensor, far: Tensor, u: Tensor, fall: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the log-mass and phi(lo) / m.

    On a CPU a regime that does not occur is skipped; elsewhere a look at the values would stall
    the device or break the graph, and arithmetic is cheap. (lerp with weights 0 and 1 is a
    where, exactly, at a tenth of its time on a CPU.)
    """
    # lo where the tail begins and 2 d where fine begins: there the neighbours agree to 5e-6 and
    # 2e-5 in float32, to 2e-10 and 3e-10 in float64 (relative, and fine's only at z = tail).
    tail, fine = (30.0, 4e-3) if lo.dtype == torch.float64 else (12.0, 0.1)
    look = lo.is_cpu and not torch.compiler.is_compiling()
    # Clamped because denormal numbers take ten times as long; beyond, Q is 0 or 1 to rounding.
    z = lo.clamp(-tail - 1, tail)
    phi = (z * z).mul_(-0.5).sub_(LOG_SQRT_2PI).exp_()
    mass = z.mul_(sqrt(0.5)).erfc_()
    if not look or bool(width.max() >= fine):
        mass -= (lo + width).add_(far).clamp_(-tail - 1, tail + 1).mul_(sqrt(0.5)).erfc_()
    mass *= 0.5
    if not look or bool(width.min() < fine):
        narrow = (phi * fall).mul_(-1 - width.square() / 12).div_(u)
        mass.lerp_(narrow, ((width < fine) & (far == 0)).to(mass.dtype).expand_as(mass))
    if look and not bool(lo.max() > tail):
        return mass.log(), phi.div_(mass)
    mass.clamp_(min=torch.finfo(mass.dtype).tiny)
    far_value, far_ratio = _tail(lo.clamp(min=tail), width, far, fall)
    beyond = (lo > tail).to(mass.dtype)
    return mass.log().lerp_(far_value, beyond), phi.div_(mass).lerp_(far_ratio, beyond)


def _tail(lo: Tensor, width: Tensor, far: Tensor, fall: Tensor) -> tuple[Tensor, Tensor]:
    """Return both far out: the difference of the two series is taken term by term."""
    gap = far + width
    p, q = 1 / lo, 1 / (lo + gap)
    # z^(k+1) at q, and its divided difference between p and q (a complete homogeneous polynomial).
    power, between = torch.ones_like(p), torch.ones_like(p)
    at_hi, difference = torch.ones_like(p), torch.ones_like(p)
    for coefficient in MILLS:
        power = power * q
        between = (between * p).add_(power)
        if coefficient:
            at_hi.add_(power, alpha=coefficient)
            difference.add_(between, alpha=coefficient)
    ratio = 1 / (difference.mul_(gap).mul_(q).mul_(p) - at_hi.mul_(q).mul_(fall))
    return -0.5 * lo * lo - LOG_SQRT_2PI - ratio.log(), ratio
