"""The contract of a latent structure."""

from abc import ABC, abstractmethod
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

from vael.models.posteriors.base import PosteriorRecord
from vael.models.trace import Latent, LatentRecord
from vael.types import Shape


class Latents(nn.Module, ABC):
    """How z is inferred from x and sampled from the prior, in one layer or in several.

    Noise is always an input: a tuple of standard normal tensors, one for each of
    ``noise_shapes`` (of ``prior_noise_shapes`` to sample), each ``(S, B, *shape)``. So is the
    context c ``(B, C)`` of a conditional model: q(z|x, c), p(z|c).

    Attributes:
        takes_context: whether it hands c to its nets and priors.
    """

    takes_context: bool = False

    @property
    @abstractmethod
    def noise_shapes(self) -> tuple[Shape, ...]:
        """The event shapes of the noise that ``infer`` needs."""

    @property
    def has_density(self) -> bool:
        """Whether log q(z|x) is finite: else there is no bound on log p(x), and no bpd."""
        return True

    @property
    @abstractmethod
    def prior_noise_shapes(self) -> tuple[Shape, ...]:
        """The event shapes of the noise that ``sample`` needs."""

    @abstractmethod
    def encode(self, x: Tensor, *, context: Tensor | None = None) -> LatentRecord:
        """Return the top layer's q for x ``(B, *E)``, with leading dimensions ``(B,)``."""

    @abstractmethod
    def read(self, x: Tensor, *, context: Tensor | None = None) -> Any:
        """Compute all that `draw` needs of x ``(B, *E)``, once for any number of samples."""

    @abstractmethod
    def draw(self, read: Any, eps: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Latent, ...]]:
        """Return what the decoder gets, ``(S, B, *H)``, and the layers, for what was read."""

    def infer(
        self, x: Tensor, eps: tuple[Tensor, ...], *, context: Tensor | None = None
    ) -> tuple[Tensor, tuple[Latent, ...]]:
        """Return what the decoder gets, ``(S, B, *H)``, and the layers, for x and its noise."""
        return self.draw(self.read(x, context=context), eps)

    @abstractmethod
    def mean(self, x: Tensor, *, context: Tensor | None = None) -> Tensor:
        """Return what the decoder gets at each layer's posterior mean, ``(B, *H)``."""

    @abstractmethod
    def sample(self, eps: tuple[Tensor, ...], *, context: Tensor | None = None) -> Tensor:
        """Return what the decoder gets, from the prior, ``(S, B, *H)`` for its noise."""

    def rate(self, latents: tuple[Latent, ...]) -> Tensor:
        """Return ``sum over layers of KL(q || p)``, nats, ``(S, B)``.

        Each given the samples of the layers above. Analytic where q has a closed form against p,
        and then the same for each of the S samples of its layer; else the estimate
        ``log q(z) - log p(z)`` of a single sample.
        """
        return reduce(torch.add, map(_rate, latents))


def _rate(layer: Latent) -> Tensor:
    kl = layer.q.kl(layer.p) if isinstance(layer.q, PosteriorRecord) else None
    if kl is None:
        return layer.log_q - layer.log_p
    return kl.expand(layer.z.shape[:2])
