"""The contract of a latent structure."""

from abc import ABC, abstractmethod
from functools import reduce
from typing import Any, cast

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
        num_codes: K of discrete latents, whose q(z|x) is all on one code: the bounds are then
            those of one sample; 0 of others.
    """

    takes_context: bool = False
    num_codes: int = 0

    @property
    @abstractmethod
    def noise_shapes(self) -> tuple[Shape, ...]:
        """The event shapes of the noise that ``infer`` needs."""

    @property
    def has_density(self) -> bool:
        """Whether log q(z|x) is finite: else there is no bound on log p(x), and no bpd."""
        return True

    @property
    def top_is_exact(self) -> bool:
        """Whether `encode` is q(z|x) itself: not where it hangs on draws of the layers below."""
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
        """Return the sum over the layers of `layer_rate`, nats, ``(S, B)``."""
        return reduce(torch.add, map(layer_rate, latents))

    def means(self, read: Any, latents: tuple[Latent, ...]) -> tuple[Tensor, ...]:
        """Return the posterior mean of each layer, ``(B, *Z)``, from the top down.

        Args:
            read: of x.
            latents: a draw for it.
        """
        return tuple(layer.q.mean for layer in latents)

    def complete(self, z: Tensor, *, context: Tensor | None = None) -> Tensor:
        """Return what the decoder gets for z of the top layer ``(*, *Z)``: z, if that is all."""
        return z

    @property
    def num_examples(self) -> int:
        """How many training examples ``initialise`` wants at most; 0: it is not called."""
        return 0

    def initialise(self, x: Tensor) -> None:
        """Start from training examples ``(N, *E)`` in a random order, as the model sees them."""

    def penalty(self, latents: tuple[Latent, ...]) -> Tensor | None:
        """Return what the layers add to the loss, nats, ``(S, B)``; None: nothing."""
        return None


def layer_factors(layer: Latent) -> Tensor | None:
    """Return KL(q || p) of a layer by dimension, nats, ``(B, *Z)`` or ``(S, B, *Z)``, or None."""
    closed = layer.above_given and isinstance(layer.q, PosteriorRecord)
    return cast(PosteriorRecord, layer.q).factors(layer.p) if closed else None


def layer_rate(layer: Latent) -> Tensor:
    """Return KL(q || p) of a layer for the samples of the others, nats, ``(S, B)``.

    Analytic where q has a closed form against p, and then the same for each of the S samples of
    its layer; else the estimate ``log q(z) - log p(z)`` of a single sample.
    """
    q = layer.q
    kl = q.kl(layer.p) if layer.above_given and isinstance(q, PosteriorRecord) else None
    if kl is None:
        return layer.log_q - layer.log_p
    return kl.expand(layer.z.shape[:2])
