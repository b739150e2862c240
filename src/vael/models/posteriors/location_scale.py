"""Factorised families over z that are a symmetric law, shifted and scaled."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from vael.models.posteriors.base import Posterior, PosteriorRecord
from vael.models.posteriors.normal import NormalRecord
from vael.models.trace import LatentRecord
from vael.types import Shape


class UnitLaw(ABC):
    """A symmetric law of one number t with mean 0 and variance 1.

    Attributes:
        negentropy: KL(law || N(0, 1)), nats: ``log(2 pi e) / 2`` less the law's entropy.
    """

    negentropy: float

    @abstractmethod
    def log_density(self, t: Tensor) -> Tensor:
        """Return the log density of each t, nats."""

    @abstractmethod
    def from_normal(self, eps: Tensor) -> Tensor:
        """Return F^-1(Phi(eps)), F the law's distribution function: 0 for 0, odd, increasing."""


@dataclass(frozen=True, eq=False)
class LocationScaleRecord(PosteriorRecord):
    """``z = mu + sigma t`` with t from a `UnitLaw`, independent in each dimension.

    Attributes:
        mu: the mean, ``(..., *Z)``.
        log_sigma: log of the standard deviation, ``(..., *Z)``.
        law: of t.
        event_ndim: number of dimensions of Z.
    """

    mu: Tensor
    log_sigma: Tensor
    law: UnitLaw
    event_ndim: int = 1

    @property
    def mean(self) -> Tensor:
        """E[z], ``(..., *Z)``."""
        return self.mu

    @property
    def sigma(self) -> Tensor:
        """``exp(log_sigma)``, ``(..., *Z)``."""
        return torch.exp(self.log_sigma)

    def log_prob(self, z: Tensor) -> Tensor:
        """Return ``sum log law((z - mu) / sigma) - log sigma``, nats, ``(S, B)``."""
        return self._sum(self.log_marginals(z))

    def log_marginals(self, z: Tensor) -> Tensor:
        """Return the terms of that sum, nats, ``(S, B, *Z)``."""
        t = (z - self.mu) * torch.exp(-self.log_sigma)
        return self.law.log_density(t) - self.log_sigma

    def rsample(self, eps: Tensor) -> Tensor:
        """Return ``z = mu + sigma F^-1(Phi(eps))``: the noise has no part in the gradient."""
        return torch.addcmul(self.mu, torch.exp(self.log_sigma), self.law.from_normal(eps))

    def kl(self, p: LatentRecord) -> Tensor | None:
        """Sum the ``factors``, nats, ``(B,)``; None unless p is a diagonal normal."""
        factors = self.factors(p)
        return None if factors is None else self._sum(factors)

    def factors(self, p: LatentRecord) -> Tensor | None:
        """Return KL by dimension against a diagonal normal p, nats, ``(B, *Z)``, or None.

        ``E[log p]`` only has the first two moments, so that it is the KL of the normal with the
        same mean and standard deviation, plus ``law.negentropy``.
        """
        same = NormalRecord(self.mu, self.log_sigma, self.event_ndim).factors(p)
        return None if same is None else same + self.law.negentropy

    def _sum(self, t: Tensor) -> Tensor:
        return t.sum(dim=tuple(range(-self.event_ndim, 0)))


class LocationScalePosterior(Posterior):
    """A `LocationScaleRecord` by mean and standard deviation, ``sigma = exp(theta[1])``.

    Args:
        law: of ``(z - mu) / sigma``.

    Shape:
        theta: ``(*, 2, *Z)``: mu, then log sigma, as for ``posterior=normal``.
    """

    def __init__(self, event_shape: Shape, law: UnitLaw) -> None:
        super().__init__(event_shape)
        self.law = law

    @property
    def theta_shape(self) -> Shape:
        """``(2, *Z)``."""
        return (2, *self.event_shape)

    def forward(self, theta: Tensor) -> LocationScaleRecord:
        """Map theta ``(*, 2, *Z)`` to a record with leading dimensions ``*``."""
        n = len(self.event_shape)
        mu, log_sigma = theta.unbind(dim=-1 - n)
        return LocationScaleRecord(mu, log_sigma, self.law, n)
