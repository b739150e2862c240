"""A prior that is moved and scaled by what is told of an example."""

from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from vael.models.posteriors.normal import NormalRecord, StandardNormalRecord
from vael.models.priors.base import Encode, Prior
from vael.models.trace import LatentRecord


@dataclass(frozen=True, eq=False)
class MovedRecord:
    """``z = mu + sigma u`` with u from another distribution.

    Attributes:
        base: of u, without leading dimensions.
        mu: ``(B, *Z)``.
        log_sigma: ``(B, *Z)``.
        event_ndim: number of dimensions of Z.
    """

    base: LatentRecord
    mu: Tensor
    log_sigma: Tensor
    event_ndim: int = 1

    @property
    def mean(self) -> Tensor:
        """E[z], ``(B, *Z)``."""
        return self.mu + self.log_sigma.exp() * self.base.mean

    def log_prob(self, z: Tensor) -> Tensor:
        """Return ``log base((z - mu) / sigma) - sum log sigma``, nats, ``(S, B)``."""
        u = (z - self.mu) * torch.exp(-self.log_sigma)
        return self.base.log_prob(u) - self.log_sigma.flatten(-self.event_ndim).sum(-1)

    def rsample(self, eps: Tensor) -> Tensor:
        """Return ``mu + sigma u``, u by the noise that the base asks for."""
        return torch.addcmul(self.mu, torch.exp(self.log_sigma), self.base.rsample(eps))


class ConditionalPrior(Prior):
    """``p(z|c)``: ``z = mu(c) + sigma(c) u``, u ~ the prior that is configured.

    Of a standard normal it is ``N(z; mu(c), diag(sigma(c)^2))``. mu and log sigma are affine in c
    and 0 at the start: of a one-hot label, free for each class.

    Args:
        base: p(u).
        context_size: C.
    """

    def __init__(self, base: Prior, context_size: int) -> None:
        super().__init__(base.event_shape)
        self.base = base
        self.net = nn.Linear(context_size, 2 * prod(self.event_shape))
        nn.init.zeros_(self.net.weight)
        nn.init.zeros_(self.net.bias)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """What the base asks for."""
        return self.base.noise_shape

    def forward(self, encode: Encode, context: Tensor | None = None) -> LatentRecord:
        """Return the record of p for c ``(B, C)``, with leading dimensions ``(B,)``."""
        assert context is not None, "a conditional prior needs a context"
        theta = self.net(context).reshape(-1, 2, *self.event_shape)
        if theta.dtype in (torch.bfloat16, torch.float16):
            theta = theta.float()  # as in `Conditional`
        mu, log_sigma = theta.unbind(1)
        base = self.base(encode)
        if isinstance(base, StandardNormalRecord):
            return NormalRecord(mu, log_sigma, len(self.event_shape))
        return MovedRecord(base, mu, log_sigma, len(self.event_shape))


def carry_latent(z: Tensor, here: LatentRecord, there: LatentRecord) -> Tensor:
    """Return the z ``(B, *Z)`` that is to one conditional prior what z is to another.

    ``mu' + sigma' (z - mu) / sigma``: the same u before it was moved. Of a prior that is moved by
    no c it is z itself.
    """
    kinds = (NormalRecord, MovedRecord)
    if not isinstance(here, kinds) or not isinstance(there, kinds):
        return z
    u = (z - here.mu) * torch.exp(-here.log_sigma)
    return there.mu + torch.exp(there.log_sigma) * u
