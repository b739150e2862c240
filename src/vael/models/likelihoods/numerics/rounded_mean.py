"""The mean of a variable rounded to the levels, without a cdf for each level.

With edges ``e_j = (j - 1/2) h``, ``E = h * sum_j P(X > e_j)``, j = 1 .. levels - 1, h one step.
This is a midpoint rule for ``E[clip(X, 0, 1)]``: a wide scale takes that closed form with two
Euler-Maclaurin corrections, a narrow one the sum over the few edges within reach.
"""

from collections.abc import Callable
from math import pi, sqrt
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

FEW = 17  # up to so many levels the sum is taken as it stands


class RoundedLaw(NamedTuple):
    """A location-scale law as its rounded mean needs it.

    Attributes:
        above: P(X > edge) from edge, mu and sigma.
        clipped: E[clip(X, 0, 1)] with its corrections from mu, sigma and the step.
        narrow: the largest sigma, in steps, for which the sum within reach is taken.
        reach: steps after which P(X > e) is 0 or 1 for such a sigma.
    """

    above: Callable[[Tensor | float, Tensor, Tensor], Tensor]
    clipped: Callable[[Tensor, Tensor, float], Tensor]
    narrow: float
    reach: int


def rounded_mean(law: RoundedLaw, mu: Tensor, log_sigma: Tensor, levels: int) -> Tensor:
    """Return E of the level nearest to X, the outermost cells open, within 1e-5."""
    sigma = torch.exp(log_sigma)
    if levels <= FEW:
        edges = [(j - 0.5) / (levels - 1) for j in range(1, levels)]
        return torch.stack([law.above(edge, mu, sigma) for edge in edges]).mean(0)
    narrow = law.narrow / (levels - 1)
    wide = law.clipped(mu, sigma.clamp(min=narrow), 1 / (levels - 1))
    is_narrow = sigma < narrow
    # Only a CPU is asked: elsewhere a look at the values stalls the device or breaks the graph.
    if sigma.is_cpu and not torch.compiler.is_compiling() and not bool(is_narrow.any()):
        return wide
    return torch.where(is_narrow, _mean_near(law, mu, sigma.clamp(max=narrow), levels), wide)


def _mean_near(law: RoundedLaw, mu: Tensor, sigma: Tensor, levels: int) -> Tensor:
    """Sum over the edges within the law's reach of mu; those below count 1, those above 0."""
    last = levels - 1
    nearest = (mu * last).detach().round().clamp(0, last)
    total = (nearest - law.reach).clamp(min=0)
    for offset in range(1 - law.reach, law.reach + 1):
        j = nearest + offset
        exists = (j >= 1) & (j <= last)
        total = total + torch.where(exists, law.above((j - 0.5) / last, mu, sigma), 0.0)
    return total / last


def _normal_above(edge: Tensor | float, mu: Tensor, sigma: Tensor) -> Tensor:
    return 0.5 * torch.erfc((edge - mu) / sigma * sqrt(0.5))


def _normal_clipped(mu: Tensor, sigma: Tensor, step: float) -> Tensor:
    a, b = -mu / sigma, (1 - mu) / sigma
    phi_a, phi_b = _phi(a), _phi(b)
    # phi(a) - phi(b) without cancellation for a large sigma.
    fall = torch.expm1(-(0.5 - mu).abs() / sigma.square())
    difference = torch.sign(mu - 0.5) * torch.maximum(phi_a, phi_b) * fall
    clipped = (
        (1 - mu) * _normal_above(1.0, mu, sigma)
        + mu * _normal_above(0.0, mu, sigma)
        + sigma * difference
    )
    ratio = step / sigma
    third = phi_b * (1 - b.square()) - phi_a * (1 - a.square())
    correction = (phi_b - phi_a) / 24 + ratio.square() * third * (7 / 5760)
    return clipped + step * ratio * correction


def _phi(z: Tensor) -> Tensor:
    return torch.exp(-0.5 * z.square()) / sqrt(2 * pi)


def _logistic_above(edge: Tensor | float, mu: Tensor, sigma: Tensor) -> Tensor:
    return torch.sigmoid((mu - edge) / sigma)


def _logistic_clipped(mu: Tensor, sigma: Tensor, step: float) -> Tensor:
    right = mu > 0.5
    at_0 = torch.where(right, 1 - mu, mu) / sigma  # mirrored: at most 1/2 / sigma
    at_1 = torch.where(right, -mu, mu - 1) / sigma
    # log (1 + e^at_0) / (1 + e^at_1), whose terms cancel where sigma is large.
    gap = 1 / sigma
    rise = torch.log1p(torch.sigmoid(at_1) * torch.expm1(gap.clamp(max=1)))
    rise = torch.where(gap < 1, rise, softplus(at_0) - softplus(at_1))
    ratio = step / sigma
    first = _slope(at_1) - _slope(at_0)
    third = _third(at_1) - _third(at_0)
    mean = sigma * rise + step * ratio * (first / 24 - ratio.square() * third * (7 / 5760))
    return torch.where(right, 1 - mean, mean)


def _slope(t: Tensor) -> Tensor:
    return torch.sigmoid(t) * torch.sigmoid(-t)


def _third(t: Tensor) -> Tensor:
    slope = _slope(t)
    return slope * (1 - 6 * slope)


# 6 steps: to 1e-9. The closed form is off by less than 31 h^6 / 967680 times the fifth
# derivative's jump: 5e-6 h.
NORMAL = RoundedLaw(_normal_above, _normal_clipped, narrow=1.0, reach=6)
# 10 steps, 13 such scales: to 2e-6, times a step.
LOGISTIC = RoundedLaw(_logistic_above, _logistic_clipped, narrow=0.75, reach=10)
