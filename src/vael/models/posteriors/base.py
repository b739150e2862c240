"""The contract of a family over z."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from vael.models.trace import LatentRecord
from vael.types import Shape

BLOCK = 2**24  # numbers of each temporary: 64 MiB of float32


class PosteriorRecord(ABC):
    """A reparameterised distribution over z with leading dimensions ``(B,)``, or none.

    Event dimensions are summed in ``log_prob`` and ``kl``, never in ``factors``. A subclass is a
    dataclass whose tensors all lead with ``(B,)``: `vael evaluate` joins the records of batches.

    Attributes:
        quick_log_prob: whether the density of any z costs no more than a draw; False: only that
            of its own draws does, by ``rsample_and_log_prob``.
    """

    quick_log_prob: ClassVar[bool] = True

    @property
    @abstractmethod
    def mean(self) -> Tensor:
        """E[z], ``(..., *Z)``."""

    @property
    def sigma(self) -> Tensor | None:
        """Standard deviation of each dimension, ``(..., *Z)``; None where it has no formula."""
        return None

    @abstractmethod
    def log_prob(self, z: Tensor) -> Tensor:
        """Return the log density of z ``(S, B, *Z)``, nats, ``(S, B)``."""

    def log_prob_under_each(self, z: Tensor) -> Tensor:
        """Return the log density of each z ``(N, *Z)`` under each of K, nats, ``(N, K)``.

        Here the leading dimensions of self are ``(K,)``, as those of a mixture's components.
        """
        shape = self.mean.shape
        each = z.unsqueeze(1).expand(-1, *shape)
        parts = torch.split(each, max(1, BLOCK // self.mean.numel()))
        return torch.cat([self.log_prob(part) for part in parts])

    def log_marginals(self, z: Tensor) -> Tensor | None:
        """Return the log density of each dimension of z ``(S, B, *Z)``, nats, ``(S, B, *Z)``.

        None where a dimension alone has no density in closed form.
        """
        return None

    @abstractmethod
    def rsample(self, eps: Tensor) -> Tensor:
        """Turn standard normal noise eps into z, ``(S, B, *Z)``, differentiably in theta."""

    def rsample_and_log_prob(self, eps: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return z ``(S, B, *Z)`` and, where drawing finds it, its log density ``(S, B)``."""
        return self.rsample(eps), None

    @abstractmethod
    def kl(self, p: LatentRecord) -> Tensor | None:
        """Return KL(self || p), nats, ``(B,)``; None where there is no closed form."""

    @abstractmethod
    def factors(self, p: LatentRecord) -> Tensor | None:
        """Return KL(marginal of self || marginal of p) by dimension, nats, ``(B, *Z)``, or None.

        Their sum is ``kl`` when self and p are factorised, and ``kl`` less the total correlation
        of self when only p is. It orders latent dimensions by how much they carry.
        """


class Posterior(nn.Module, ABC):
    """A family over z: raw network outputs in, a record out.

    Args:
        event_shape: Z, the shape of one latent.

    Attributes:
        has_density: whether log q(z|x) is finite: else there is no bound on log p(x).

    Shape:
        theta: ``(*, *theta_shape)``; the record has leading dimensions ``*``.

    Example:
        A Laplace posterior of scale 1; its KL has no closed form here, so that the rate is the
        estimate ``log q(z|x) - log p(z)``.

        >>> from dataclasses import dataclass
        >>> import torch
        >>> @dataclass(frozen=True)
        ... class LaplaceRecord(PosteriorRecord):
        ...     mu: torch.Tensor
        ...     @property
        ...     def law(self):
        ...         return torch.distributions.Laplace(self.mu, 1.0)
        ...     @property
        ...     def mean(self):
        ...         return self.mu
        ...     def log_prob(self, z):
        ...         return self.law.log_prob(z).sum(-1)
        ...     def rsample(self, eps):
        ...         return self.law.icdf(torch.special.ndtr(eps))
        ...     def kl(self, p):
        ...         return None
        ...     def factors(self, p):
        ...         return None
        >>> class Laplace(Posterior):
        ...     @property
        ...     def theta_shape(self):
        ...         return self.event_shape
        ...     def forward(self, theta):
        ...         return LaplaceRecord(theta)
        >>> q = Laplace(event_shape=(2,))(torch.zeros(4, 2))
        >>> z = q.rsample(torch.zeros(1, 4, 2))  # no noise: the median
        >>> q.log_prob(z)  # -2 log 2, nats, (S, B)
        tensor([[-1.3863, -1.3863, -1.3863, -1.3863]])
    """

    has_density: bool = True

    def __init__(self, event_shape: Shape) -> None:
        super().__init__()
        self.event_shape = tuple(event_shape)

    @property
    @abstractmethod
    def theta_shape(self) -> Shape:
        """What a network must emit for one example."""

    @abstractmethod
    def forward(self, theta: Tensor) -> PosteriorRecord:
        """Map theta ``(*, *theta_shape)`` to a record with leading dimensions ``*``."""
