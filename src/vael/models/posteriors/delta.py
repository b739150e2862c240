"""A single point for each example: a deterministic encoder."""

from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

from vael.models.posteriors.base import Posterior, PosteriorRecord
from vael.models.trace import LatentRecord
from vael.types import Shape


@dataclass(frozen=True, eq=False)
class DeltaRecord(PosteriorRecord):
    """All of q(z|x) at one point, where its density is infinite, as is its KL to any prior.

    Attributes:
        mu: the point, ``(..., *Z)``.
        event_ndim: number of dimensions of Z.
    """

    mu: Tensor
    event_ndim: int = 1

    @property
    def mean(self) -> Tensor:
        """The point, ``(..., *Z)``."""
        return self.mu

    @property
    def sigma(self) -> Tensor:
        """0, ``(..., *Z)``."""
        return torch.zeros_like(self.mu)

    def log_prob(self, z: Tensor) -> Tensor:
        """Return infinity for z at the point, ``(S, B)``: no other z is drawn."""
        return z.new_full(z.shape[: z.ndim - self.event_ndim], inf)

    def rsample(self, eps: Tensor) -> Tensor:
        """Return the point for each noise, ``(S, B, *Z)``."""
        return self.mu.expand_as(eps)

    def kl(self, p: LatentRecord) -> Tensor:
        """Return infinity, ``(B,)``."""
        return self.mu.new_full(self.mu.shape[: self.mu.ndim - self.event_ndim], inf)

    def factors(self, p: LatentRecord) -> None:
        """Return None: dimensions are ordered by the variance of the points."""


class Delta(Posterior):
    """``z = theta``: the deterministic encoder of a Wasserstein autoencoder.

    There is no bound on log p(x), and so neither bpd nor ELBO or rate, of `vael evaluate` either;
    only an objective that needs no density trains it (``wae``, ``aae``), by ``val/distortion``.
    """

    has_density = False

    @property
    def theta_shape(self) -> Shape:
        """Z."""
        return self.event_shape

    def forward(self, theta: Tensor) -> DeltaRecord:
        """Map theta ``(*, *Z)`` to a record with leading dimensions ``*``."""
        return DeltaRecord(theta, len(self.event_shape))
