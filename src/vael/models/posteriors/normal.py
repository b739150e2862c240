"""The normal distribution with a diagonal covariance."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vael.models.posteriors.base import Posterior, PosteriorRecord
from vael.models.posteriors.quadratic import HALF_LOG_2PI, diagonal_forms
from vael.models.trace import LatentRecord
from vael.types import Shape


@dataclass(frozen=True, eq=False)
class NormalRecord(PosteriorRecord):
    """``N(z; mu, diag(sigma^2))``.

    Attributes:
        mu: ``(..., *Z)``.
        log_sigma: log of the standard deviation, ``(..., *Z)``.
        event_ndim: number of dimensions of Z.
    """

    mu: Tensor
    log_sigma: Tensor
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
        """Return ``-1/2 sum ((z - mu) / sigma)^2 + 2 log sigma + log 2 pi``, nats, ``(S, B)``."""
        return self._sum(self.log_marginals(z))

    def log_prob_under_each(self, z: Tensor) -> Tensor:
        """Return the same of each z ``(N, *Z)`` under each of K, ``(N, K)``, by one product.

        Its terms cancel where z is near mu. They are float64: that leaves the digits of float32.
        """
        with torch.autocast(z.device.type, enabled=False):
            forms = diagonal_forms(self.mu.flatten(1), self.log_sigma.flatten(1))
            found = forms.log_prob(z.flatten(1).double())
        return found.to(torch.promote_types(z.dtype, self.mu.dtype))

    def log_marginals(self, z: Tensor) -> Tensor:
        """Return the terms of that sum, nats, ``(S, B, *Z)``."""
        u = (z - self.mu) * torch.exp(-self.log_sigma)
        return -0.5 * u * u - self.log_sigma - HALF_LOG_2PI

    def rsample(self, eps: Tensor) -> Tensor:
        """Return ``z = mu + sigma * eps`` (Kingma and Welling 2014, section 2.4)."""
        return torch.addcmul(self.mu, torch.exp(self.log_sigma), eps)

    def kl(self, p: LatentRecord) -> Tensor | None:
        """Sum the ``factors``, nats, ``(B,)``; None unless p is a diagonal normal."""
        factors = self.factors(p)
        return None if factors is None else self._sum(factors)

    def factors(self, p: LatentRecord) -> Tensor | None:
        """Return ``(r^2 - 1 - log r^2 + m^2) / 2`` by dimension, nats, ``(B, *Z)``.

        r = sigma / sigma_p, m = (mu - mu_p) / sigma_p, for any diagonal normal p (Kingma and
        Welling 2014, appendix B); None for any other.
        """
        if isinstance(p, StandardNormalRecord):
            return torch.addcmul(excess(2 * self.log_sigma), self.mu, self.mu).mul_(0.5)
        if not isinstance(p, NormalRecord):
            return None
        m = (self.mu - p.mu) * torch.exp(-p.log_sigma)
        return 0.5 * (excess(2 * (self.log_sigma - p.log_sigma)) + m * m)

    def _sum(self, t: Tensor) -> Tensor:
        return t.sum(dim=tuple(range(-self.event_ndim, 0)))


@dataclass(frozen=True, eq=False)
class StandardNormalRecord(NormalRecord):
    """``N(z; 0, I)``: the KL to it needs half of the operations."""


class Normal(Posterior):
    """``q(z|x) = N(z; mu(x), diag(sigma(x)^2))`` with ``sigma = exp(theta[1])``.

    Shape:
        theta: ``(*, 2, *Z)``: mu, then log sigma.
    """

    @property
    def theta_shape(self) -> Shape:
        """``(2, *Z)``."""
        return (2, *self.event_shape)

    def forward(self, theta: Tensor) -> NormalRecord:
        """Map theta ``(*, 2, *Z)`` to a record with leading dimensions ``*``."""
        n = len(self.event_shape)
        mu, log_sigma = theta.unbind(dim=-1 - n)
        return NormalRecord(mu, log_sigma, n)


def excess(t: Tensor) -> Tensor:
    """Return ``exp(t) - 1 - t``, at least 0; ``exp`` alone would lose all digits near t = 0."""
    return torch.expm1(t) - t
