"""Normalising flows as posteriors, drawn together with their density."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from vael.models.flows import AutoregressiveFlow, check_integer
from vael.models.posteriors.base import Posterior, PosteriorRecord
from vael.models.posteriors.quadratic import HALF_LOG_2PI
from vael.models.trace import LatentRecord
from vael.types import Shape


@dataclass(frozen=True, eq=False)
class FlowPosteriorRecord(PosteriorRecord):
    """``z = mu + sigma f(eps; h)`` with eps ~ N(0, I).

    A draw with its density takes one pass of f; the density of any other z inverts f, which takes
    d passes. There is no KL in closed form, and none of a dimension.

    Attributes:
        mu: ``(..., d)``.
        log_sigma: log of sigma, ``(..., d)``.
        context: h, ``(..., C)``.
        flow: f.
    """

    quick_log_prob: ClassVar[bool] = False

    mu: Tensor
    log_sigma: Tensor
    context: Tensor
    flow: AutoregressiveFlow

    @property
    def mean(self) -> Tensor:
        """E[z], ``(..., d)``: an average over 16 points, exact where f is linear in eps."""
        points = self.flow.points.reshape(-1, *[1] * (self.mu.ndim - 1), self.mu.shape[-1])
        return self.rsample(points.expand(-1, *self.mu.shape)).mean(0)

    def log_prob(self, z: Tensor) -> Tensor:
        """Return the log density of z, nats, ``(S, B)``, by the inverse of f."""
        eps = self.flow.inverse((z - self.mu) * torch.exp(-self.log_sigma), self.context)
        return self._log_density(eps, self.flow(eps, self.context)[1])

    def rsample(self, eps: Tensor) -> Tensor:
        """Return ``mu + sigma f(eps; h)``, ``(S, B, d)``."""
        return self.rsample_and_log_prob(eps)[0]

    def rsample_and_log_prob(self, eps: Tensor) -> tuple[Tensor, Tensor]:
        """Return z and ``log N(eps; 0, I) - log |det dz/deps|``, nats, by one pass of f."""
        t, log_det = self.flow(eps, self.context)
        z = torch.addcmul(self.mu, torch.exp(self.log_sigma), t)
        return z, self._log_density(eps, log_det)

    def kl(self, p: LatentRecord) -> None:
        """Return None: the rate is estimated, ``log q(z|x) - log p(z)`` at a draw."""
        return None

    def factors(self, p: LatentRecord) -> None:
        """Return None: no marginal has a density in closed form."""
        return None

    def _log_density(self, eps: Tensor, log_det: Tensor) -> Tensor:
        return (-0.5 * eps * eps - HALF_LOG_2PI - self.log_sigma).sum(-1) - log_det


class FlowPosterior(Posterior):
    """``z = mu(x) + sigma(x) f(eps; h(x))``, f the identity at the start: then q is normal.

    Shape:
        theta: ``(*, 2 d + context)``: mu, log sigma, h.
    """

    flow: AutoregressiveFlow

    def __init__(self, event_shape: Shape, context: int) -> None:
        super().__init__(event_shape)
        check_integer("posterior.context", context, 0)
        self.context = context

    @property
    def theta_shape(self) -> Shape:
        """``(2 d + context,)``."""
        (d,) = self.event_shape
        return (2 * d + self.context,)

    def forward(self, theta: Tensor) -> FlowPosteriorRecord:
        """Map theta ``(*, *theta_shape)`` to a record with leading dimensions ``*``."""
        (d,) = self.event_shape
        mu, log_sigma, context = torch.split(theta, [d, d, self.context], dim=-1)
        return FlowPosteriorRecord(mu, log_sigma, context, self.flow)


class IAFPosterior(FlowPosterior):
    """An inverse autoregressive flow on a normal distribution.

    ``f(eps)_i = exp(a(eps_<i, h)) eps_i + b(eps_<i, h)``, several times in alternating order
    (Kingma et al. 2016, https://arxiv.org/abs/1606.04934). One transform without hidden layers
    is enough for a normal of any constant covariance.

    Args:
        event_shape: Z, a vector ``(d,)``.
        transforms: maps f, one after the other.
        hidden: widths of the hidden layers of each map's net; none: a and b are affine.
        context: numbers h of the encoder that the nets see.

    Raises:
        ConfigError: the latent is not a vector, or an option is out of range.
    """

    def __init__(
        self,
        event_shape: Shape,
        transforms: int = 2,
        hidden: Sequence[int] = (64, 64),
        context: int = 16,
    ) -> None:
        super().__init__(event_shape, context)
        self.flow = AutoregressiveFlow(
            self.event_shape, transforms, hidden, context=context, where="posterior"
        )


class SplinePosterior(FlowPosterior):
    """A neural spline flow on a normal distribution, inverted: a draw takes one pass.

    Each ``f(eps)_i`` is a monotonic rational-quadratic spline of eps_i on [-5, 5], its knots by a
    net that sees eps_<i and h (Durkan et al. 2019, https://arxiv.org/abs/1906.04032).

    Args:
        event_shape: Z, a vector ``(d,)``.
        transforms: maps f, one after the other, in alternating order.
        hidden: widths of the hidden layers of each map's net; none: affine.
        bins: pieces of each spline, at least 2.
        context: numbers h of the encoder that the nets see.

    Raises:
        ConfigError: the latent is not a vector, or an option is out of range.
    """

    def __init__(
        self,
        event_shape: Shape,
        transforms: int = 2,
        hidden: Sequence[int] = (64, 64),
        bins: int = 8,
        context: int = 16,
    ) -> None:
        super().__init__(event_shape, context)
        check_integer("posterior.bins", bins, 2)
        self.flow = AutoregressiveFlow(
            self.event_shape, transforms, hidden, bins, context, where="posterior"
        )
