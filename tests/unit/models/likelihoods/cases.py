"""The table of likelihoods: one row per family variant, with its oracles.

A new likelihood adds a row here; tests/likelihoods/test_contract.py runs every row.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special
import scipy.stats
import torch

from vael.models.likelihoods.base import Likelihood
from vael.models.likelihoods.bernoulli import Bernoulli
from vael.models.likelihoods.beta_binomial import BetaBinomial
from vael.models.likelihoods.categorical import Categorical
from vael.models.likelihoods.continuous_bernoulli import ContinuousBernoulli
from vael.models.likelihoods.gaussian import Gaussian
from vael.models.likelihoods.laplace import Laplace
from vael.models.likelihoods.logistic import Logistic
from vael.models.likelihoods.logistic_mixture import LogisticMixture
from vael.models.likelihoods.student_t import StudentT

EVENT = (2, 3, 2)


@dataclass(frozen=True)
class Case:
    name: str
    make: Callable[[], Likelihood[Any]]
    num_params: int
    scipy_log_prob: Callable[[Any, np.ndarray], np.ndarray]  # record, x -> one term per dimension
    torch_oracle: Callable[[Any], torch.distributions.Distribution] | None  # None: torch has none
    # Of the density, record, x -> cdf, where that is no grid and has no mu and sigma.
    scipy_cdf: Callable[[Any, np.ndarray], np.ndarray] | None = None
    native: bool = False  # a mass by itself: no fit=density, no data without levels
    tables_only: bool = False  # no data with levels
    theta_shape: tuple[int, ...] | None = None  # where it is not (num_params, *EVENT)
    exact_channels: int = EVENT[0]  # whose mean is E[x] to 1e-5

    def __str__(self) -> str:
        return self.name


def _normal_scipy(px: Any, x: np.ndarray) -> np.ndarray:
    sigma = np.exp(px.log_sigma.detach().numpy())
    return scipy.stats.norm.logpdf(x, px.mu.detach().numpy(), sigma)


def _normal_torch(px: Any) -> torch.distributions.Distribution:
    return torch.distributions.Normal(px.mu, px.log_sigma.exp())


def _bernoulli_scipy(px: Any, x: np.ndarray) -> np.ndarray:
    logits = px.logits.detach().numpy()
    return x * scipy.special.log_expit(logits) + (1 - x) * scipy.special.log_expit(-logits)


def _bernoulli_torch(px: Any) -> torch.distributions.Distribution:
    # Grey values are outside of its support, but its cross-entropy is defined there.
    return torch.distributions.Bernoulli(logits=px.logits, validate_args=False)


def _gaussian(scale: str, levels: int | None, fit: str) -> Case:
    return Case(
        f"gaussian-{scale}-{levels}-{fit}",
        lambda: Gaussian(EVENT, levels, scale=scale, sigma=0.2, fit=fit),
        2 if scale == "predicted" else 1,
        _normal_scipy,
        _normal_torch,
    )


def _bernoulli(levels: int | None, fit: str) -> Case:
    return Case(
        f"bernoulli-{levels}-{fit}",
        lambda: Bernoulli(EVENT, levels, fit=fit),
        1,
        _bernoulli_scipy,
        _bernoulli_torch,
    )


def _tilted_scipy(px: Any, x: np.ndarray) -> np.ndarray:
    logits = px.logits.detach().numpy()
    return logits * x - np.log(np.expm1(logits) / logits)


def _tilted_cdf(px: Any, x: np.ndarray) -> np.ndarray:
    logits = px.logits.detach().numpy()
    return np.expm1(logits * x) / np.expm1(logits)


def _tilted_torch(px: Any) -> torch.distributions.Distribution:
    return torch.distributions.ContinuousBernoulli(logits=px.logits)


def _continuous_bernoulli(levels: int | None, fit: str) -> Case:
    return Case(
        f"continuous_bernoulli-{levels}-{fit}",
        lambda: ContinuousBernoulli(EVENT, levels, fit=fit),
        1,
        _tilted_scipy,
        _tilted_torch,
        scipy_cdf=_tilted_cdf,
    )


def _ways_scipy(px: Any, x: np.ndarray) -> np.ndarray:
    log_p = scipy.special.log_softmax(px.logits.detach().numpy(), axis=px.axis)
    k = np.expand_dims(np.broadcast_to(x, px.mean.shape), px.axis) * (log_p.shape[px.axis] - 1)
    return np.take_along_axis(log_p, np.rint(k).astype(int), px.axis).squeeze(px.axis)


def _categorical(levels: int) -> Case:
    return Case(
        f"categorical-{levels}-mass",
        lambda: Categorical(EVENT, levels),
        levels,
        _ways_scipy,
        None,
        native=True,
    )


def _location_scale(
    family: Any, scipy_law: Any, torch_law: Any, scale: str, levels: int | None, fit: str
) -> Case:
    """A row from scipy's law and torch's of (mu, sigma)."""
    name = family.__name__.lower()

    def law(px: Any) -> Any:
        return scipy_law(loc=px.mu.detach().numpy(), scale=np.exp(px.log_sigma.detach().numpy()))

    return Case(
        f"{name}-{scale}-{levels}-{fit}",
        lambda: family(EVENT, levels, scale=scale, sigma=0.2, fit=fit),
        2 if scale == "predicted" else 1,
        lambda px, x: law(px).logpdf(x),
        None if torch_law is None else lambda px: torch_law(px.mu, px.log_sigma.exp()),
        scipy_cdf=lambda px, x: law(px).cdf(x),
        tables_only=family is StudentT,
    )


def _laplace(scale: str, levels: int | None, fit: str) -> Case:
    torch_law = torch.distributions.Laplace
    return _location_scale(Laplace, scipy.stats.laplace, torch_law, scale, levels, fit)


def _logistic(scale: str, levels: int | None, fit: str) -> Case:
    return _location_scale(Logistic, scipy.stats.logistic, None, scale, levels, fit)


def _student_t(scale: str) -> Case:
    def torch_law(mu: torch.Tensor, sigma: torch.Tensor) -> torch.distributions.Distribution:
        return torch.distributions.StudentT(4.0, mu, sigma)

    return _location_scale(
        StudentT, functools.partial(scipy.stats.t, 4.0), torch_law, scale, None, "density"
    )


def _components(px: Any, x: np.ndarray) -> tuple[np.ndarray, list[Any]]:
    """Weights ``(*lead, 3, P)`` and the law of each of 2 channels given x, by K = 3 logistics."""
    x = x.reshape(*x.shape[:-3], 1, 2, -1)
    mu, sigma = px.location.detach().numpy(), np.exp(px.log_sigma.detach().numpy())
    second = mu[..., 1, :] + px.slopes.detach().numpy()[..., 0, :] * (x[..., 0, :] - 0.5)
    laws = [
        scipy.stats.logistic(mu[..., 0, :], sigma[..., 0, :]),
        scipy.stats.logistic(second, sigma[..., 1, :]),
    ]
    return np.exp(px.log_weights.detach().numpy()), laws


def _mixture_scipy(px: Any, x: np.ndarray) -> np.ndarray:
    weights, laws = _components(px, x)
    pixels = x.reshape(*x.shape[:-3], 1, 2, -1)
    return np.log(
        (weights * laws[0].pdf(pixels[..., 0, :]) * laws[1].pdf(pixels[..., 1, :])).sum(-2)
    )


def _mixture_cdf(px: Any, x: np.ndarray) -> np.ndarray:
    """Of the first channel, and of the second given the first: uniform and independent."""
    weights, laws = _components(px, x)
    pixels = x.reshape(*x.shape[:-3], 1, 2, -1)
    first, second = pixels[..., 0, :], pixels[..., 1, :]
    given = weights * laws[0].pdf(first)
    given /= given.sum(-2, keepdims=True)
    cdfs = (weights * laws[0].cdf(first)).sum(-2), (given * laws[1].cdf(second)).sum(-2)
    return np.stack(cdfs, -2)


def _mixture(levels: int | None, fit: str) -> Case:
    return Case(
        f"logistic_mixture-{levels}-{fit}",
        lambda: LogisticMixture(EVENT, levels, components=3, fit=fit),
        18,
        _mixture_scipy,
        None,
        scipy_cdf=_mixture_cdf,
        theta_shape=(18, 1, *EVENT[1:]),
        exact_channels=1,
    )


def _counts_scipy(px: Any, x: np.ndarray) -> np.ndarray:
    n, s = px.levels - 1, np.exp(px.log_concentration.detach().numpy())
    m = scipy.special.expit(px.logits.detach().numpy())
    return scipy.stats.betabinom.logpmf(np.rint(x * n), n, s * m, s * (1 - m))


def _beta_binomial(levels: int) -> Case:
    return Case(
        f"beta_binomial-{levels}-mass",
        lambda: BetaBinomial(EVENT, levels),
        2,
        _counts_scipy,
        None,
        native=True,
    )


CASES = [
    *[_gaussian(scale, 256, "mass") for scale in ("fixed", "shared", "per_dim", "predicted")],
    *[_gaussian(scale, 17, "density") for scale in ("fixed", "shared", "per_dim", "predicted")],
    _gaussian("shared", 17, "mass"),
    _gaussian("shared", 2, "mass"),
    _gaussian("predicted", None, "density"),
    *[_bernoulli(levels, "mass") for levels in (2, 17, 256)],
    *[_bernoulli(levels, "density") for levels in (2, 17, None)],
    *[_continuous_bernoulli(levels, "mass") for levels in (2, 17, 256)],
    *[_continuous_bernoulli(levels, "density") for levels in (17, None)],
    *[_categorical(levels) for levels in (2, 17, 256)],
    *[_beta_binomial(levels) for levels in (2, 17, 256)],
    *[_laplace("shared", levels, "mass") for levels in (2, 17, 256)],
    _laplace("predicted", 17, "mass"),
    _laplace("predicted", 17, "density"),
    _laplace("per_dim", None, "density"),
    *[_logistic("shared", levels, "mass") for levels in (2, 17, 256)],
    _logistic("predicted", 256, "mass"),
    _logistic("predicted", 17, "density"),
    _logistic("per_dim", None, "density"),
    *[_student_t(scale) for scale in ("fixed", "shared", "per_dim", "predicted")],
    *[_mixture(levels, "mass") for levels in (2, 17)],
    *[_mixture(levels, "density") for levels in (17, None)],
]
