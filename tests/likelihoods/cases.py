"""The table of likelihoods: one row per family variant, with its oracles.

A new likelihood adds a row here; tests/likelihoods/test_contract.py runs every row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special
import scipy.stats
import torch

from vael.likelihoods.base import Likelihood
from vael.likelihoods.bernoulli import Bernoulli
from vael.likelihoods.categorical import Categorical
from vael.likelihoods.continuous_bernoulli import ContinuousBernoulli
from vael.likelihoods.gaussian import Gaussian

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
]
