"""Location-scale families, ``x = mu + sigma t``: one law of t each."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from vael.models.likelihoods.base import Likelihood, at_least_float32, no_levels, sum_event
from vael.models.likelihoods.scales import least_sigma, make_scale


class Law(ABC):
    """The distribution of t, symmetric about 0. All of its functions are elementwise.

    A law for tables only leaves ``log_cell`` and ``rounded_mean`` out.
    """

    name: ClassVar[str]

    @abstractmethod
    def log_density(self, t: Tensor, log_sigma: Tensor) -> Tensor:
        """Return the log density of ``mu + sigma t``, nats."""

    @abstractmethod
    def quantile(self, noise: Tensor) -> Tensor:
        """Return the t that is exceeded with probability ``1 - noise``, noise in (0, 1)."""

    def log_cell(self, x: Tensor, mu: Tensor, log_sigma: Tensor, levels: int) -> Tensor:
        """Return the log-probability of the cell of x, the outermost cells open, nats."""
        raise no_levels(f"likelihood={self.name}")

    def rounded_mean(self, mu: Tensor, log_sigma: Tensor, levels: int) -> Tensor:
        """Return E of the level nearest to ``mu + sigma t``."""
        raise no_levels(f"likelihood={self.name}")


@dataclass(frozen=True)
class LocationScale:
    """``x = mu + sigma t`` in each dimension, read as a density or on a grid of levels.

    Attributes:
        mu: ``(*lead, *E)``; under ``fit=mass`` it may leave [0, 1], x cannot.
        log_sigma: log of the scale in units of x; broadcasts to mu.
        event_dims: number of dimensions of ``E``.
        levels: of the data, or None.
        grid: the levels under ``fit=mass``, else None.
        law: of t.
    """

    mu: Tensor
    log_sigma: Tensor
    event_dims: int
    levels: int | None
    grid: int | None
    law: Law

    def log_prob(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the log density of x ``(B, *E)``, nats, ``(S, B)``."""
        t = (at_least_float32(x) - self.mu) * torch.exp(-self.log_sigma)
        return sum_event(self.law.log_density(t, self.log_sigma), self.event_dims, mask)

    def log_mass(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return ``sum log(cdf(upper edge) - cdf(lower edge))``, the outermost cells open, nats.

        x ``(B, *E)`` on the grid ``k / (levels - 1)`` -> ``(S, B)``.

        Raises:
            ConfigError: the data has no levels.
        """
        if self.levels is None:
            raise no_levels(f"likelihood={self.law.name}")
        cells = self.law.log_cell(at_least_float32(x), self.mu, self.log_sigma, self.levels)
        return sum_event(cells, self.event_dims, mask)

    @property
    def mean(self) -> Tensor:
        """E[x] ``(*lead, *E)``: the location, or that of the discretised law, in [0, 1]."""
        if self.grid is None:
            return self.mu
        return self.law.rounded_mean(self.mu, self.log_sigma, self.grid)

    def sample(self, noise: Tensor) -> Tensor:
        """Draw x from uniform noise in [0, 1) of mu's shape, by the inverse cdf; to the grid."""
        x = self.mu + torch.exp(self.log_sigma) * self.law.quantile(clamp_noise(noise))
        return nearest_level(x, self.grid)


class LocationScaleLikelihood(Likelihood[LocationScale]):
    """A likelihood ``x = mu + sigma t``, independently for each dimension.

    Args:
        event_shape: ``E`` (a fact of the data).
        levels: values per dimension, or None (a fact of the data).
        law: of t.
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
        law: Law,
        scale: str,
        sigma: float,
        fit: str,
    ) -> None:
        super().__init__(event_shape, levels, fit)
        self.law = law
        self.scale = make_scale(scale, sigma, least_sigma(levels), self.event_shape)
        self.num_params = 1 + self.scale.num_params

    def link(self, theta: Tensor) -> LocationScale:
        """Take the first parameter as mu; a second one moves log sigma."""
        mu, *emitted = theta.unbind(-1 - len(self.event_shape))
        log_sigma = at_least_float32(self.scale(emitted))
        dims = len(self.event_shape)
        return LocationScale(mu, log_sigma, dims, self.levels, self.grid, self.law)

    def at_bound(self, px: LocationScale) -> Tensor:
        """Return the share of the scales within 5 % of their lower bound; 0 for a fixed scale."""
        return self.scale.share_at_bound(px.log_sigma)


def clamp_noise(noise: Tensor) -> Tensor:
    """Clamp noise into (0, 1), at least float32; 0 stands for the middle of its interval."""
    noise = at_least_float32(noise)
    return noise.clamp(min=torch.finfo(noise.dtype).eps / 4)


def nearest_level(x: Tensor, levels: int | None) -> Tensor:
    """Return the level in [0, 1] nearest to x; x itself without levels."""
    if levels is None:
        return x
    last = levels - 1
    return (x * last).round().clamp(0, last) / last
