"""The normal likelihood, as a density or as the probability of a quantisation cell."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, log, pi

import torch
from torch import Tensor

from vael.errors import ConfigError
from vael.likelihoods._normal_cell import log_cell
from vael.likelihoods._normal_mean import rounded_mean
from vael.likelihoods._scales import Fixed, Learned, Predicted, Scale
from vael.likelihoods.base import Likelihood, at_least_float32, no_levels, sum_event
from vael.types import Shape


@dataclass(frozen=True)
class Normal(ABC):
    """N(mu, sigma^2) for each dimension.

    Attributes:
        mu: ``(*lead, *E)``.
        log_sigma: broadcasts to mu.
        event_dims: number of dimensions of ``E``.
        levels: of the data, or None.
    """

    mu: Tensor
    log_sigma: Tensor
    event_dims: int
    levels: int | None

    def log_prob(self, x: Tensor) -> Tensor:
        """``sum -((x - mu) / sigma)^2 / 2 - log sigma - log(2 pi) / 2``, nats, ``(S, B)``."""
        z = (at_least_float32(x) - self.mu) * torch.exp(-self.log_sigma)
        return sum_event(-0.5 * z.square() - self.log_sigma - 0.5 * log(2 * pi), self.event_dims)

    def log_mass(self, x: Tensor) -> Tensor:
        """``sum log(cdf(upper edge) - cdf(lower edge))``, the outermost cells open, nats.

        x ``(B, *E)`` on the grid ``k / (levels - 1)`` -> ``(S, B)``.

        Raises:
            ConfigError: the data has no levels.
        """
        if self.levels is None:
            raise no_levels("likelihood=gaussian")
        half = 0.5 / (self.levels - 1)
        cells = log_cell(at_least_float32(x), self.mu, self.log_sigma, half)
        return sum_event(cells, self.event_dims)

    @property
    @abstractmethod
    def mean(self) -> Tensor:
        """E[x], ``(*lead, *E)``."""

    @abstractmethod
    def sample(self, noise: Tensor) -> Tensor:
        """A draw of x from uniform noise in [0, 1) of mu's shape, by the inverse cdf."""

    def _quantile(self, noise: Tensor) -> Tensor:
        """``mu + sigma Phi^-1(noise)``; noise 0 stands for the middle of its float's interval."""
        noise = at_least_float32(noise)
        least = torch.finfo(noise.dtype).eps / 4
        standard: Tensor = torch.special.ndtri(noise.clamp(min=least))
        return self.mu + torch.exp(self.log_sigma) * standard


@dataclass(frozen=True)
class NormalDensity(Normal):
    """Read as a density (``fit=density``)."""

    @property
    def mean(self) -> Tensor:
        """The location."""
        return self.mu

    def sample(self, noise: Tensor) -> Tensor:
        """x, any real number."""
        return self._quantile(noise)


@dataclass(frozen=True)
class NormalMass(Normal):
    """Read as a distribution over the levels (``fit=mass``): mu may leave [0, 1], x cannot."""

    levels: int

    @property
    def mean(self) -> Tensor:
        """E[x] of the discretised distribution, in [0, 1]."""
        return rounded_mean(self.mu, self.log_sigma, self.levels)

    def sample(self, noise: Tensor) -> Tensor:
        """A draw on the grid of the levels: the level nearest to a normal draw."""
        last = self.levels - 1
        return (self._quantile(noise) * last).round().clamp(0, last) / last


class Gaussian(Likelihood[Normal]):
    """Normal likelihood, ``x ~ N(mu, sigma^2)`` independently for each dimension.

    Args:
        event_shape: ``E`` (a fact of the data).
        levels: values per dimension, or None (a fact of the data).
        scale: where sigma comes from: ``fixed``: the number below; ``shared``: one learned
            number; ``per_dim``: one for each dimension; ``predicted``: from the decoder.
        sigma: the value of a fixed scale, where a learned one starts. In units of x.
        fit: ``mass``, ``density`` or ``auto``.

    A learned scale stays above half a step (17 levels and more), 1/510 (fewer levels) or 1e-3
    (no levels): the density of a smaller one only measures the grid.

    Shape:
        theta: ``(*lead, 1, *E)``, or ``(*lead, 2, *E)`` where the scale is predicted.

    Raises:
        ConfigError: an unknown scale, a sigma that is not positive and finite, or that a learned
            scale cannot reach.
    """

    support = "real"

    def __init__(
        self,
        event_shape: Sequence[int],
        levels: int | None,
        scale: str = "shared",
        sigma: float = 0.3,
        fit: str = "auto",
    ) -> None:
        super().__init__(event_shape, levels, fit)
        self.scale = _make_scale(scale, sigma, _least_sigma(levels), self.event_shape)
        self.num_params = 1 + self.scale.num_params

    def link(self, theta: Tensor) -> Normal:
        """The first parameter is mu; a second one moves log sigma."""
        mu, *emitted = theta.unbind(-1 - len(self.event_shape))
        log_sigma = at_least_float32(self.scale(emitted))
        if self.fit == "mass" and self.levels is not None:
            return NormalMass(mu, log_sigma, len(self.event_shape), self.levels)
        return NormalDensity(mu, log_sigma, len(self.event_shape), self.levels)

    def at_bound(self, px: Normal) -> Tensor:
        """Share of the scales within 5 % of their lower bound; 0 for a fixed scale."""
        return (px.log_sigma.detach() < self.scale.bound + log(1.05)).float().mean()


def _least_sigma(levels: int | None) -> float:
    """Below it a learned scale would fit the grid, or the rounding of a table, not the data."""
    if levels is None:
        return 1e-3
    return 0.5 / (levels - 1) if levels >= 17 else 1 / 510


def _make_scale(scale: str, sigma: float, lower: float, event_shape: Shape) -> Scale:
    if isinstance(sigma, bool) or not isinstance(sigma, int | float):
        raise ConfigError(f"likelihood.sigma must be a number, but got {sigma!r}.")
    if not (isfinite(sigma) and sigma > 0):
        raise ConfigError(
            f"likelihood.sigma must be a positive, finite number in units of x, but got {sigma}."
        )
    match scale:
        case "fixed":
            return Fixed(sigma)
        case "shared":
            return Learned(sigma, lower, ())
        case "per_dim":
            return Learned(sigma, lower, event_shape)
        case "predicted":
            return Predicted(sigma, lower)
    raise ConfigError(
        f"likelihood.scale must be one of fixed, shared, per_dim, predicted, but got {scale!r}."
    )
