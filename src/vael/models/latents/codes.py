"""Discrete latents: codes out of a learned codebook, or on a fixed grid."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

import torch
from torch import Tensor, nn

from vael.models.codes.finite_scalar import FiniteScalarQuantizer
from vael.models.codes.posterior import CodePosterior, CodeRecord, cut_channels
from vael.models.codes.prior import CodePrior
from vael.models.codes.quantizer import Quantizer
from vael.models.codes.vector import VectorQuantizer
from vael.models.latents.flat import Flat
from vael.models.latents.parts import Parts
from vael.models.posteriors.base import Posterior, PosteriorRecord
from vael.models.priors.base import Prior
from vael.models.trace import Latent, LatentRecord
from vael.types import Shape

MakePrior = Callable[..., CodePrior]
CHUNK = 256  # examples encoded at once


class Codes(Flat):
    """M codes of K values for each example; what they stand for goes to the decoder.

    q(c|x) is all on one c, so that ``-log P(x) <= -log p(x|c) - log P(c)`` without any sampling.
    The rate is the length of the codes under the prior, ``M log K`` under the uniform one. More
    samples of q say no more than one.

    Args:
        parts: makes encoder and decoder.
        pieces: into how many codes the numbers at a place of the latent are cut.
        quantizer: of the pieces.
        prior: makes P(c) of an ``event_shape``, a ``grid`` and ``num_codes``.
    """

    takes_context = False

    def __init__(self, parts: Parts, pieces: int, quantizer: Quantizer, prior: MakePrior) -> None:
        family = CodePosterior(parts.latent_shape, pieces, quantizer)
        shape = {"event_shape": parts.latent_shape, "grid": family.grid}
        super().__init__(_Parts(parts, family, prior(**shape, num_codes=quantizer.num_codes)))
        self.num_codes = quantizer.num_codes

    @property
    def family(self) -> CodePosterior:
        """From what the encoder emits to codes, and from codes to what the decoder gets."""
        return cast(CodePosterior, self.posterior.family)

    @property
    def code_prior(self) -> CodePrior:
        """P(c)."""
        return cast(CodePrior, self.prior)

    @property
    def num_examples(self) -> int:
        """Enough for 32 vectors of each code; of a fixed grid 0."""
        return -(-self.family.quantizer.num_vectors // self.code_prior.length)

    @torch.no_grad()
    def initialise(self, x: Tensor) -> None:
        """Start the codebook from training examples, as the model sees them, in a random order."""
        theta = torch.cat([self.posterior.net(part) for part in torch.split(x, CHUNK)])
        theta = theta.reshape(-1, *self.family.theta_shape).float()
        self.family.quantizer.initialise(self.family.split(theta).flatten(0, -2))

    def read(
        self, x: Tensor, *, context: Tensor | None = None
    ) -> tuple[PosteriorRecord, LatentRecord, int]:
        """Return q(c|x) with its length, P(c) and B; in a step with gradients P(c) learns."""
        found, p, count = super().read(x, context=context)
        q = cast(CodeRecord, found)
        if self.training and torch.is_grad_enabled():
            self.code_prior.learn(q.codes)
        return replace(q, length=-self.code_prior.log_mass(q.codes)), p, count

    def draw(
        self, read: tuple[PosteriorRecord, LatentRecord, int], eps: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Latent, ...]]:
        """Return the vectors ``(S, B, *Z)`` and their layer, for what was read."""
        z, (layer,) = super().draw(read, eps)
        rate = read[0].kl(read[1])
        assert rate is not None
        return z, (replace(layer, known_log_p=-rate.expand(z.shape[:2])),)

    def rate(self, latents: tuple[Latent, ...]) -> Tensor:
        """Return ``-log P(c)``, nats, ``(S, B)``."""
        return -latents[0].log_p

    def penalty(self, latents: tuple[Latent, ...]) -> Tensor | None:
        """Return what a codebook adds to the loss, nats, ``(S, B)``; None: nothing."""
        found = cast(CodeRecord, latents[0].q).penalty
        return None if found is None else found.expand(latents[0].z.shape[:2])


class VQ(Codes):
    """Codes of a learned codebook, see `vael.models.codes.VectorQuantizer`.

    Args:
        parts: makes encoder and decoder.
        prior: makes P(c).
        codebook_size: K.
        codes: into how many codes the numbers at a place of the latent are cut; None: at a place
            of a map one, of a vector pieces of 4 numbers, or of 2 or 1 where 4 does not divide it.
        decay: of the averages that are the codebook; None: it is learned by gradient.
        commitment: weight of what holds the encoder to the codebook.
        restart: share of an equal use below which a code becomes a vector of the batch.
        gradient: ``rotation`` or ``straight_through``.

    Raises:
        ConfigError: an option is out of range, or the latent cannot be cut so.
    """

    def __init__(
        self,
        parts: Parts,
        prior: MakePrior,
        codebook_size: int = 256,
        codes: int | None = None,
        decay: float | None = 0.99,
        commitment: float = 0.25,
        restart: float = 0.05,
        gradient: Literal["rotation", "straight_through"] = "rotation",
    ) -> None:
        pieces, size = cut_channels(parts.latent_shape, None, codes)
        made = VectorQuantizer(size, codebook_size, decay, commitment, restart, gradient)
        super().__init__(parts, pieces, made, prior)


class FSQ(Codes):
    """Codes on a fixed grid, see `vael.models.codes.FiniteScalarQuantizer`.

    Args:
        parts: makes encoder and decoder.
        prior: makes P(c).
        levels: of each number of a code; the numbers at a place of the latent must be a multiple
            of how many there are.

    Raises:
        ConfigError: the levels are out of range, or the latent cannot be cut so.
    """

    def __init__(self, parts: Parts, prior: MakePrior, levels: Sequence[int]) -> None:
        quantizer = FiniteScalarQuantizer(levels)
        pieces, _ = cut_channels(parts.latent_shape, quantizer.size, None)
        super().__init__(parts, pieces, quantizer, prior)


@dataclass(frozen=True)
class _Parts:
    """Parts with another posterior and prior than those that the config names."""

    others: Parts
    family: Posterior
    made: Prior

    @property
    def event_shape(self) -> Shape:
        return self.others.event_shape

    @property
    def latent_shape(self) -> Shape:
        return self.others.latent_shape

    @property
    def context_sizes(self) -> Mapping[str, int]:
        return self.others.context_sizes

    def posterior(self, shape: Shape) -> Posterior:
        return self.family

    def connect(self, emitted: Shape, taken: Shape) -> nn.Module:
        return self.others.connect(emitted, taken)

    def prior(self, shape: Shape) -> Prior:
        return self.made
