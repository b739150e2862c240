"""The mean of a logistic variable rounded to the levels, without a cdf for each level."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from vael.models.likelihoods.numerics.rounded_mean import mean_of_all, mean_of_near, nowhere

FEW = 17  # up to so many levels the sum is taken as it stands
NARROW = 0.75  # scales, in steps, up to which the sum over the near edges is taken
REACH = 10  # steps: 13 such scales, after which P(X > e) is 0 or 1 (to 2e-6, times a step)


def rounded_mean(mu: Tensor, log_sigma: Tensor, levels: int) -> Tensor:
    """E of the nearest level to ``X ~ logistic(mu, sigma)``, outermost cells open, within 1e-5.

    The sum over the edges is a midpoint rule for ``E[clip(X, 0, 1)]``: a wide scale takes that
    closed form with two Euler-Maclaurin corrections, a narrow one the few edges within reach.
    """
    sigma = torch.exp(log_sigma)
    if levels <= FEW:
        return mean_of_all(_above, mu, sigma, levels)
    narrow = NARROW / (levels - 1)
    wide = _clipped_mean(mu, sigma.clamp(min=narrow), 1 / (levels - 1))
    if nowhere(sigma < narrow):
        return wide
    near = mean_of_near(_above, mu, sigma.clamp(max=narrow), levels, REACH)
    return torch.where(sigma < narrow, near, wide)


def _above(edge: Tensor | float, mu: Tensor, sigma: Tensor) -> Tensor:
    return torch.sigmoid((mu - edge) / sigma)


def _clipped_mean(mu: Tensor, sigma: Tensor, step: float) -> Tensor:
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
