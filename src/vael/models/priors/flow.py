"""Normalising flows as priors: the standard normal, pulled through an invertible map."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from vael.models.flows import AutoregressiveFlow, check_integer
from vael.models.posteriors.quadratic import HALF_LOG_2PI
from vael.models.priors.base import Encode, Prior
from vael.types import Shape


@dataclass(frozen=True, eq=False)
class FlowPriorRecord:
    """``p(z) = N(f(z); 0, I) |det df/dz|``.

    The density takes one pass, a draw ``f^-1(eps)`` d of them.

    Attributes:
        flow: f.
    """

    flow: AutoregressiveFlow

    @property
    def mean(self) -> Tensor:
        """E[z], an average over 16 points, ``(d,)``: where the explorer begins."""
        return self.rsample(self.flow.points).mean(0)

    def log_prob(self, z: Tensor) -> Tensor:
        """Return the log density of z, nats, ``(S, B)`` for z ``(S, B, d)``."""
        u, log_det = self.flow(z)
        density: Tensor = (-0.5 * u * u - HALF_LOG_2PI).sum(-1) + log_det
        return density

    def rsample(self, eps: Tensor) -> Tensor:
        """Turn standard normal noise eps ``(S, B, d)`` into z, ``(S, B, d)``."""
        return self.flow.inverse(eps)


class FlowPrior(Prior):
    """``p(z) = N(f(z); 0, I) |det df/dz|``, f learned; the standard normal at the start.

    The rate is estimated: ``log q(z|x) - log p(z)`` at a sample of q.
    """

    flow: AutoregressiveFlow

    def forward(self, encode: Encode, context: Tensor | None = None) -> FlowPriorRecord:
        """Return the record of p, without leading dimensions; neither argument is used."""
        return FlowPriorRecord(self.flow)


class AutoregressivePrior(FlowPrior):
    """A masked autoregressive flow as a prior: each ``p(z_i|...)`` is a normal, seen by one map.

    Papamakarios et al. 2017 (https://arxiv.org/abs/1705.07057).

    Args:
        event_shape: Z, a vector ``(d,)``.
        transforms: autoregressive maps, one after the other, in alternating order.
        hidden: widths of the hidden layers of each map's net; none: affine.

    Raises:
        ConfigError: the latent is not a vector, or an option is out of range.
    """

    def __init__(
        self, event_shape: Shape, transforms: int = 3, hidden: Sequence[int] = (64, 64)
    ) -> None:
        super().__init__(event_shape)
        self.flow = AutoregressiveFlow(self.event_shape, transforms, hidden, where="prior")


class SplinePrior(FlowPrior):
    """A neural spline flow as a prior: it bends [-5, 5] in each dimension, given those before.

    Durkan et al. 2019 (https://arxiv.org/abs/1906.04032).

    Args:
        event_shape: Z, a vector ``(d,)``.
        transforms: autoregressive maps, one after the other, in alternating order.
        hidden: widths of the hidden layers of each map's net; none: affine.
        bins: pieces of each spline, at least 2.

    Raises:
        ConfigError: the latent is not a vector, or an option is out of range.
    """

    def __init__(
        self,
        event_shape: Shape,
        transforms: int = 3,
        hidden: Sequence[int] = (64, 64),
        bins: int = 8,
    ) -> None:
        super().__init__(event_shape)
        check_integer("prior.bins", bins, 2)
        self.flow = AutoregressiveFlow(self.event_shape, transforms, hidden, bins, where="prior")
