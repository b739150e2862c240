"""A mixture of K distributions over z."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vael.models.posteriors.base import PosteriorRecord
from vael.models.trace import map_tensors
from vael.types import Shape

BLOCK = 2**22  # densities held at once: 32 MiB of float64
CHOICE = 2  # numbers of noise that choose the component


@dataclass(frozen=True, eq=False)
class LatentMixtureRecord:
    """``p(z) = sum_k pi_k p_k(z)``: no closed form of a KL to it, of its density there is one.

    Attributes:
        components: the p_k, a record with leading dimensions ``(K,)``.
        log_weights: log pi, normalised, ``(K,)``.
    """

    components: PosteriorRecord
    log_weights: Tensor

    @property
    def mean(self) -> Tensor:
        """E[z] = ``sum_k pi_k E_k[z]``, ``(*Z)``."""
        return self._average(self.components.mean)

    @property
    def sigma(self) -> Tensor | None:
        """Standard deviation of each dimension, ``(*Z)``; None where that of p_k is unknown."""
        sigma = self.components.sigma
        if sigma is None:
            return None
        square = sigma.square() + (self.components.mean - self.mean).square()
        return self._average(square).sqrt()

    def log_prob(self, z: Tensor) -> Tensor:
        """Return ``log sum_k pi_k p_k(z)``, nats, ``(S, B)``, by blocks of z."""
        event = self.components.mean.shape[1:]
        lead = z.shape[: z.ndim - len(event)]
        parts = torch.split(z.reshape(-1, *event), max(1, BLOCK // len(self.log_weights)))
        joint = [self.components.log_prob_under_each(part) + self.log_weights for part in parts]
        return torch.cat([torch.logsumexp(each, -1) for each in joint]).reshape(lead)

    def rsample(self, eps: Tensor) -> Tensor:
        """Turn standard normal noise eps ``(S, B, 2 + prod(Z))`` into z, ``(S, B, *Z)``.

        The first two numbers choose k by the angle of the point that they are, which is uniform
        and stays the same when all noise is scaled: a temperature narrows each component and
        leaves their weights. z is differentiable in the parameters of p_k, not in pi.
        """
        turn = turn_uniform(eps[..., :CHOICE])
        edges = self.log_weights.exp().cumsum(0)
        k = torch.searchsorted(edges, turn.to(edges).contiguous(), right=True)
        k = k.clamp(max=len(edges) - 1)
        chosen = map_tensors(lambda t: t[k], self.components)
        return chosen.rsample(eps[..., CHOICE:].reshape(chosen.mean.shape))

    def _average(self, t: Tensor) -> Tensor:
        """Return ``sum_k pi_k t_k`` for t ``(K, *Z)``."""
        average: Tensor = torch.tensordot(self.log_weights.exp(), t, 1)
        return average


def mixture_noise_shape(event_shape: Shape) -> Shape:
    """Return the shape of the noise behind one draw: two numbers choose the component."""
    return (CHOICE + math.prod(event_shape),)


def turn_uniform(eps: Tensor) -> Tensor:
    """Return uniform numbers ``(...,)`` in [0, 1]: the angles of the points eps ``(..., 2)``.

    They stay the same where all noise is scaled.
    """
    return 0.5 + torch.atan2(eps[..., 1], eps[..., 0]) / (2 * math.pi)
