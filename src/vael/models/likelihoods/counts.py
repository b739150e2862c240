"""Counts without an upper end: Poisson and negative binomial."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vael.models.likelihoods.base import Likelihood, at_least_float32, sum_event

LARGEST_LOG = 30.0  # of a mean: e^30 counts; beyond, float32 says nothing about single ones


@dataclass(frozen=True)
class PoissonRecord:
    """``P(k) = m^k e^-m / k!`` in each dimension.

    Attributes:
        log_mean: log m, ``(*lead, *E)``.
        event_dims: number of dimensions of ``E``.
    """

    log_mean: Tensor
    event_dims: int

    def log_prob(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return ``sum k log m - m - log k!`` of counts x ``(B, *E)``, nats, ``(S, B)``."""
        k = at_least_float32(x)
        terms = k * self.log_mean - self.log_mean.exp() - torch.lgamma(k + 1)
        return sum_event(terms, self.event_dims, mask)

    log_mass = log_prob  # the mass of whole numbers

    @property
    def mean(self) -> Tensor:
        """m, ``(*lead, *E)``."""
        return self.log_mean.exp()

    def sample(self, noise: Tensor) -> Tensor:
        """Draw counts from uniform noise in [0, 1), by the inverse cdf (scipy, on the CPU)."""
        from scipy.stats import poisson  # type: ignore[import-untyped]  # most runs need none

        found = poisson.ppf(noise.cpu().double().numpy(), self.mean.cpu().double().numpy())
        return torch.as_tensor(found).clamp(min=0).to(self.log_mean)


@dataclass(frozen=True)
class NegativeBinomialRecord:
    """``P(k) = G(k + r) / (G(r) k!) (r / (r + m))^r (m / (r + m))^k`` in each dimension.

    A Poisson whose mean has a gamma law: mean m, variance ``m + m^2 / r``.

    Attributes:
        log_mean: log m, ``(*lead, *E)``.
        log_size: log r, ``(*lead, *E)``; large: the Poisson.
        event_dims: number of dimensions of ``E``.
    """

    log_mean: Tensor
    log_size: Tensor
    event_dims: int

    def log_prob(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the log mass of counts x ``(B, *E)``, nats, ``(S, B)``."""
        k, r = at_least_float32(x), self.log_size.exp()
        both = torch.logaddexp(self.log_mean, self.log_size)
        ways = torch.lgamma(k + r) - torch.lgamma(r) - torch.lgamma(k + 1)
        terms = ways + r * (self.log_size - both) + k * (self.log_mean - both)
        return sum_event(terms, self.event_dims, mask)

    log_mass = log_prob  # the mass of whole numbers

    @property
    def mean(self) -> Tensor:
        """m, ``(*lead, *E)``."""
        return self.log_mean.exp()

    def sample(self, noise: Tensor) -> Tensor:
        """Draw counts from uniform noise in [0, 1), by the inverse cdf (scipy, on the CPU)."""
        from scipy.stats import nbinom  # most runs need none

        size, mean = (v.exp().cpu().double().numpy() for v in (self.log_size, self.log_mean))
        found = nbinom.ppf(noise.cpu().double().numpy(), size, size / (size + mean))
        return torch.as_tensor(found).clamp(min=0).to(self.log_mean)


class Poisson(Likelihood[PoissonRecord]):
    """Poisson likelihood of counts, for columns of ``likelihood=mixed``.

    Arguments are those of ``Likelihood``, for data without levels.

    Shape:
        theta: ``(*lead, 1, *E)``, log m.
    """

    support = "real"
    num_params = 1

    def __init__(self, event_shape: Sequence[int]) -> None:
        super().__init__(event_shape, None)

    def link(self, theta: Tensor) -> PoissonRecord:
        """Take the one parameter as log m."""
        dims = len(self.event_shape)
        return PoissonRecord(theta.squeeze(-1 - dims).clamp(max=LARGEST_LOG), dims)

    def at_bound(self, px: PoissonRecord) -> Tensor:
        """Return 0: there is no scale."""
        return px.log_mean.new_zeros(())


class NegativeBinomial(Likelihood[NegativeBinomialRecord]):
    """Negative binomial likelihood of counts, for columns of ``likelihood=mixed``.

    Arguments are those of ``Likelihood``, for data without levels.

    Shape:
        theta: ``(*lead, 2, *E)``: log m, and log r.
    """

    support = "real"
    num_params = 2

    def __init__(self, event_shape: Sequence[int]) -> None:
        super().__init__(event_shape, None)

    def link(self, theta: Tensor) -> NegativeBinomialRecord:
        """Take the parameters as log m and log r."""
        dims = len(self.event_shape)
        log_mean, log_size = theta.clamp(max=LARGEST_LOG).unbind(-1 - dims)
        # so wide that lgamma(k + r) - lgamma(r) keeps digits in float32
        return NegativeBinomialRecord(log_mean, log_size.clamp(-10, 8), dims)

    def at_bound(self, px: NegativeBinomialRecord) -> Tensor:
        """Return 0: the size has no bound that data comes near to."""
        return px.log_mean.new_zeros(())
