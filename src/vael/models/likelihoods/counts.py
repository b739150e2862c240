"""Counts without an upper end: Poisson and negative binomial."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from vael.models.likelihoods.base import Likelihood, at_least_float32, sum_event

LARGEST_LOG = 30.0  # of a mean: e^30 counts; beyond, float32 says nothing about single ones


@dataclass(frozen=True)
class CountRecord(ABC):
    """A law of counts with a mean m in each dimension.

    Attributes:
        log_mean: log m, ``(*lead, *E)``.
        event_dims: number of dimensions of ``E``.
    """

    log_mean: Tensor
    event_dims: int

    def log_prob(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the log mass of counts x ``(B, *E)``, nats, ``(S, B)``."""
        return sum_event(self._log_masses(at_least_float32(x)), self.event_dims, mask)

    def log_mass(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return ``log_prob``: the mass of whole numbers."""
        return self.log_prob(x, mask)

    @property
    def mean(self) -> Tensor:
        """m, ``(*lead, *E)``."""
        return self.log_mean.exp()

    def sample(self, noise: Tensor) -> Tensor:
        """Draw counts from uniform noise in [0, 1), by the inverse cdf (scipy, on the CPU)."""
        found = torch.as_tensor(self._quantile(noise.cpu().double()))
        return found.clamp(min=0).to(self.log_mean)

    @abstractmethod
    def _log_masses(self, k: Tensor) -> Tensor:
        """Return the log mass of each count."""

    @abstractmethod
    def _quantile(self, share: Tensor) -> object:
        """Return the inverse cdf as an array."""


@dataclass(frozen=True)
class PoissonRecord(CountRecord):
    """``P(k) = m^k e^-m / k!`` in each dimension."""

    def _log_masses(self, k: Tensor) -> Tensor:
        return k * self.log_mean - self.log_mean.exp() - torch.lgamma(k + 1)

    def _quantile(self, share: Tensor) -> object:
        from scipy.stats import poisson  # type: ignore[import-untyped]  # most runs need none

        return poisson.ppf(share.numpy(), self.mean.cpu().double().numpy())


@dataclass(frozen=True)
class NegativeBinomialRecord(CountRecord):
    """``P(k) = G(k + r) / (G(r) k!) (r / (r + m))^r (m / (r + m))^k`` in each dimension.

    A Poisson whose mean has a gamma law: mean m, variance ``m + m^2 / r``.

    Attributes:
        log_size: log r, ``(*lead, *E)``; large: the Poisson.
    """

    log_size: Tensor

    def _log_masses(self, k: Tensor) -> Tensor:
        r = self.log_size.exp()
        both = torch.logaddexp(self.log_mean, self.log_size)
        ways = torch.lgamma(k + r) - torch.lgamma(r) - torch.lgamma(k + 1)
        return ways + r * (self.log_size - both) + k * (self.log_mean - both)

    def _quantile(self, share: Tensor) -> object:
        from scipy.stats import nbinom  # most runs need none

        size, mean = (v.exp().cpu().double().numpy() for v in (self.log_size, self.log_mean))
        return nbinom.ppf(share.numpy(), size, size / (size + mean))


Counts = TypeVar("Counts", bound=CountRecord)


class CountLikelihood(Likelihood[Counts]):
    """A likelihood of counts whose mean is ``m_d = b_d e^theta_d``, for columns of ``mixed``.

    b is the mean of a column in training (1 before ``initialise``): a net begins near it, as it
    does near 0 of standardised numbers, whether counts are of 1 or of 1,000.

    Arguments are those of ``Likelihood``, for data without levels.
    """

    support = "real"
    log_usual: Tensor

    def __init__(self, event_shape: Sequence[int]) -> None:
        super().__init__(event_shape, None)
        self.register_buffer("log_usual", torch.zeros(self.event_shape))

    def initialise(self, x: Tensor) -> None:
        """Take b from training examples ``(N, *E)``; NaN is a missing value."""
        found = x.nanmean(0).nan_to_num(1.0).clamp(min=1 / len(x))
        self.log_usual.copy_(found.log())

    def at_bound(self, px: Counts) -> Tensor:
        """Return 0: there is no scale that data comes near to the bound of."""
        return px.log_mean.new_zeros(())


class Poisson(CountLikelihood[PoissonRecord]):
    """Poisson likelihood of counts.

    Shape:
        theta: ``(*lead, 1, *E)``, log m / b.
    """

    num_params = 1

    def link(self, theta: Tensor) -> PoissonRecord:
        """Take the one parameter as log m / b."""
        dims = len(self.event_shape)
        log_mean = (theta.squeeze(-1 - dims) + self.log_usual).clamp(max=LARGEST_LOG)
        return PoissonRecord(log_mean, dims)


class NegativeBinomial(CountLikelihood[NegativeBinomialRecord]):
    """Negative binomial likelihood of counts.

    Shape:
        theta: ``(*lead, 2, *E)``: log m / b, and log r.
    """

    num_params = 2

    def link(self, theta: Tensor) -> NegativeBinomialRecord:
        """Take the parameters as log m / b and log r."""
        dims = len(self.event_shape)
        log_mean, log_size = theta.unbind(-1 - dims)
        log_mean = (log_mean + self.log_usual).clamp(max=LARGEST_LOG)
        # so wide that lgamma(k + r) - lgamma(r) keeps digits in float32
        return NegativeBinomialRecord(log_mean, dims, log_size.clamp(-10, 8))
