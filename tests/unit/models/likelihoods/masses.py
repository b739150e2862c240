"""The table of masses: one row per family, with its exact law and where to try it.

A new likelihood with levels adds a row here; test_mass.py runs every row.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from mpmath import mp, mpf
from torch import Tensor

from vael.models.likelihoods.bernoulli import BernoulliRecord
from vael.models.likelihoods.gaussian import NormalLaw
from vael.models.likelihoods.laplace import LaplaceLaw
from vael.models.likelihoods.location_scale import Law, LocationScale
from vael.models.likelihoods.logistic import LogisticLaw
from vael.models.likelihoods.mixture import MixtureRecord
from vael.models.likelihoods.numerics.max_entropy import natural_table

LEVELS = (2, 17, 256, 65536)


@dataclass(frozen=True)
class Mass:
    """A family's law over the levels.

    Attributes:
        points: levels -> the parameters to try, ordinary and extreme, one tuple each.
        log_mass: parameters ``(n, P, N)`` in the order of the tuples, x ``(P, N)``, levels -> log
            P(x) of each, ``(P, N)``.
        truth: parameters of one point, level k, levels -> log P(k), in mpmath.
        rtol64: of float64.
        gradient_size: parameters ``(n, P, 1)`` -> what float32 gradients are measured in.
    """

    name: str
    points: Callable[[int], Sequence[tuple[float, ...]]]
    log_mass: Callable[[Tensor, Tensor, int], Tensor]
    truth: Callable[[Sequence[mpf], int, int], mpf]
    rtol64: float = 1e-11
    gradient_size: Callable[[Tensor], Tensor] = torch.ones_like

    def __str__(self) -> str:
        return self.name


MUS = (-3.0, -0.7, -0.02, 0.0, 1e-8, 0.11, 0.31, 0.4937, 0.5, 0.77, 0.999, 1.0, 1.3, 4.0)


def least(levels: int) -> float:
    """The lower bound of a learned scale, by the design."""
    return 0.5 / (levels - 1) if levels >= 17 else 1 / 510


def _locations_and_scales(levels: int) -> list[tuple[float, ...]]:
    sigmas = (least(levels), 0.7 / (levels - 1), 0.05, 0.3, 1.0, 40.0, 1e4)
    return [(mu, float(mp.log(sigma))) for mu, sigma in itertools.product(MUS, sigmas)]


def _cell(cdf: Callable[[mpf], mpf]) -> Callable[[Sequence[mpf], int, int], mpf]:
    """The cell's mass by a symmetric law's cdf of t, differences taken in the lower tail."""

    def log_mass(point: Sequence[mpf], k: int, levels: int) -> mpf:
        mu, sigma = point[0], mp.exp(point[1])
        low = mpf("-inf") if k == 0 else (mpf(2 * k - 1) / (2 * levels - 2) - mu) / sigma
        high = mpf("inf") if k == levels - 1 else (mpf(2 * k + 1) / (2 * levels - 2) - mu) / sigma
        if low > 0 or high == mpf("inf"):
            low, high = -high, -low
        return mp.log(cdf(high) - cdf(low))

    return log_mass


def _location_scale(law: Law, cdf: Callable[[mpf], mpf], rtol64: float = 1e-11) -> Mass:
    def log_mass(parameters: Tensor, x: Tensor, levels: int) -> Tensor:
        mu, log_sigma = parameters
        return LocationScale(mu, log_sigma, 0, levels, levels, law).log_mass(x)

    def gradient_size(parameters: Tensor) -> Tensor:
        """That by mu is of the order of 1 / sigma."""
        log_sigma = parameters[1]
        return torch.stack((torch.exp(-log_sigma), torch.ones_like(log_sigma)))

    return Mass(law.name, _locations_and_scales, log_mass, _cell(cdf), rtol64, gradient_size)


def _laplace_cdf(t: mpf) -> mpf:
    return mp.exp(t) / 2 if t < 0 else 1 - mp.exp(-t) / 2


def _logistic_cdf(t: mpf) -> mpf:
    return 1 / (1 + mp.exp(-t))


LOGITS = (-60, -30, -26, -10, -3, -0.5, -1e-3, 0.0, 1e-6, 0.02, 1, 5.3, 20, 25.6, 60)


def _bernoulli(parameters: Tensor, x: Tensor, levels: int) -> Tensor:
    (logits,) = parameters
    table = natural_table(levels - 1).to(logits.dtype)
    return BernoulliRecord(logits, 0, levels, levels, table).log_mass(x)


def _bernoulli_truth(point: Sequence[mpf], k: int, levels: int) -> mpf:
    """``eta k - log Z`` with eta by bisection of ``E[k] = n sigmoid(l)``."""
    goal = (levels - 1) / (1 + mp.exp(-point[0]))
    low, high = mpf(-81), mpf(80)  # not symmetric: the mean below is 0/0 at eta = 0
    for _ in range(130):
        eta = (low + high) / 2
        mean = levels / (1 - mp.exp(-levels * eta)) - 1 / (1 - mp.exp(-eta))
        low, high = (low, eta) if mean > goal else (eta, high)
    return eta * k - mp.log((mp.exp(eta * levels) - 1) / (mp.exp(eta) - 1))


def _pairs(levels: int) -> list[tuple[float, ...]]:
    """Two components and the log of the odds between them."""
    narrow, wide = float(mp.log(least(levels))), float(mp.log(1e4))
    components = [(0.3, -3.0), (-3.0, narrow), (1.0, narrow), (0.5, wide), (4.0, -1.0)]
    pairs = itertools.combinations(components, 2)
    return [(odds, *one, *two) for one, two in pairs for odds in (0.0, -15.0, 40.0)]


def channel_terms(px: MixtureRecord, x: Tensor, score: str = "log_mass") -> Tensor:
    """The score of each value given the channels before it, ``(S, B, *E)``.

    ``log sum_k p(k | channels before) p_kc``, of the law's own terms.
    """
    channels, pixels = px.location.shape[-2:]
    x = x.reshape(*x.shape[: x.ndim - len(px.event_shape)], 1, channels, pixels)
    located = []
    for c in range(channels):
        slopes = px.slopes[..., c * (c - 1) // 2 : c * (c + 1) // 2, :]
        located.append(px.location[..., c, :] + (slopes * (x[..., :c, :] - 0.5)).sum(-2))
    at = torch.stack(torch.broadcast_tensors(*located), -2)
    if score == "log_mass":
        terms = px.law.log_cell(x, at, px.log_sigma, px.levels)
    else:
        terms = px.law.log_density((x - at) * torch.exp(-px.log_sigma), px.log_sigma)
    before = torch.cat((px.log_weights.unsqueeze(-2), terms[..., :-1, :]), -2).cumsum(-2)
    found = torch.logsumexp(before.log_softmax(-3) + terms, -3)
    return found.reshape(*found.shape[:-2], *px.event_shape)


def _mixture(parameters: Tensor, x: Tensor, levels: int) -> Tensor:
    """One example of one value each."""
    odds, *located = (parameter.unsqueeze(-1) for parameter in parameters)
    log_weights = torch.stack((odds, torch.zeros_like(odds)), -2).log_softmax(-2)
    mu = torch.stack((located[0], located[2]), -2).unsqueeze(-2)
    log_sigma = torch.stack((located[1], located[3]), -2).unsqueeze(-2)
    law = LogisticLaw()
    px = MixtureRecord(log_weights, mu, log_sigma, mu[..., :0, :], (1,), levels, levels, law)
    return px.log_mass(x.unsqueeze(-1))


def _mixture_truth(point: Sequence[mpf], k: int, levels: int) -> mpf:
    cell = _cell(_logistic_cdf)
    one, two = mp.exp(cell(point[1:3], k, levels)), mp.exp(cell(point[3:5], k, levels))
    return mp.log((mp.exp(point[0]) * one + two) / (1 + mp.exp(point[0])))


def _mixture_size(parameters: Tensor) -> Tensor:
    one = torch.ones_like(parameters[0])
    return torch.stack((one, torch.exp(-parameters[2]), one, torch.exp(-parameters[4]), one))


MASSES = [
    # The tail's series ends at 105 / 30^8 = 2e-10.
    _location_scale(NormalLaw(), mp.ncdf, 2e-10),
    _location_scale(LaplaceLaw(), _laplace_cdf),
    _location_scale(LogisticLaw(), _logistic_cdf),
    # The table's cubic is within 1e-9 of eta, which stands times k.
    Mass(
        "bernoulli", lambda _: [(logit,) for logit in LOGITS], _bernoulli, _bernoulli_truth, 1e-7
    ),
    Mass("logistic_mixture", _pairs, _mixture, _mixture_truth, gradient_size=_mixture_size),
]
