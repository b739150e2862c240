"""The posterior of discrete codes: all of it on the codes that the encoder chooses."""

import math
from dataclasses import dataclass

from torch import Tensor

from vael.errors import ConfigError
from vael.models.codes.prior import CodePriorRecord
from vael.models.codes.quantizer import Quantizer
from vael.models.posteriors.base import Posterior, PosteriorRecord
from vael.models.trace import LatentRecord
from vael.types import Shape


@dataclass(frozen=True, eq=False)
class CodeRecord(PosteriorRecord):
    """``q(c|x) = 1`` for the M codes of x: a probability, so that log q is 0.

    Attributes:
        vectors: what the codes stand for, ``(B, *Z)``.
        codes: int64, ``(B, M)``.
        penalty: what they add to a loss, nats, ``(B,)``; None: nothing.
        length: ``-log P(c)`` under the model's prior, nats, ``(B,)``, where it is known already.
    """

    vectors: Tensor
    codes: Tensor
    penalty: Tensor | None = None
    length: Tensor | None = None

    @property
    def mean(self) -> Tensor:
        """The vectors, ``(B, *Z)``."""
        return self.vectors

    def log_prob(self, z: Tensor) -> Tensor:
        """Return 0, the log probability of the codes of z ``(S, B, *Z)``: no other z is drawn."""
        return z.new_zeros(z.shape[:2])

    def rsample(self, eps: Tensor) -> Tensor:
        """Return the vectors for each noise, ``(S, B, *Z)``."""
        return self.vectors.expand_as(eps)

    def kl(self, p: LatentRecord) -> Tensor:
        """Return ``-log P(c)``, nats, ``(B,)``: the length of the codes under the prior."""
        assert isinstance(p, CodePriorRecord)
        return -p.prior.log_mass(self.codes) if self.length is None else self.length

    def factors(self, p: LatentRecord) -> None:
        """Return None: numbers of a vector say nothing alone."""


class CodePosterior(Posterior):
    """Cut what the encoder emits into M vectors, and quantise each.

    A map ``(c, h, w)`` gives ``h w`` times the same number of pieces of its channels, a vector
    ``(d,)`` the pieces alone.

    Args:
        event_shape: Z, ``(d,)`` or ``(c, h, w)``.
        pieces: into how many codes the numbers at a place are cut.
        quantizer: of vectors of ``c / pieces`` numbers.
    """

    def __init__(self, event_shape: Shape, pieces: int, quantizer: Quantizer) -> None:
        super().__init__(event_shape)
        self.pieces, self.quantizer = pieces, quantizer

    @property
    def theta_shape(self) -> Shape:
        """Z."""
        return self.event_shape

    @property
    def grid(self) -> Shape:
        """How the M codes of an example lie, ``(h, w, pieces)``; without axes of length 1."""
        sizes = (*self.event_shape[1:], self.pieces)
        return tuple(size for size in sizes if size > 1) or (1,)

    def forward(self, theta: Tensor) -> CodeRecord:
        """Map theta ``(B, *Z)`` to a record with leading dimensions ``(B,)``."""
        lead = theta.shape[: theta.ndim - len(self.event_shape)]
        found = self.quantizer(self.split(theta).flatten(0, -2))
        penalty = None if found.penalty is None else found.penalty.reshape(*lead, -1).sum(-1)
        vectors = self.join(found.vectors.reshape(*lead, -1, self.quantizer.size))
        return CodeRecord(vectors, found.codes.reshape(*lead, -1), penalty)

    def split(self, theta: Tensor) -> Tensor:
        """Return the vectors ``(*, M, v)`` of theta ``(*, *Z)``, row by row."""
        event = len(self.event_shape)
        return theta.movedim(-event, -1).reshape(*theta.shape[:-event], -1, self.quantizer.size)

    def join(self, vectors: Tensor) -> Tensor:
        """Return theta ``(*, *Z)`` of its vectors ``(*, M, v)``."""
        channels, *places = self.event_shape
        last = vectors.reshape(*vectors.shape[:-2], *places, channels)
        return last.movedim(-1, -1 - len(places))

    def look_up(self, codes: Tensor) -> Tensor:
        """Return what the codes ``(*, M)`` stand for, ``(*, *Z)``."""
        return self.join(self.quantizer.look_up(codes))

    def find(self, z: Tensor) -> Tensor:
        """Return the codes ``(*, M)`` that stand for z ``(*, *Z)``."""
        vectors = self.split(z)
        return self.quantizer.find(vectors.flatten(0, -2)).reshape(vectors.shape[:-1])


def cut_channels(shape: Shape, size: int | None, codes: int | None) -> tuple[int, int]:
    """Return into how many pieces the numbers at a place are cut, and the size of a piece.

    Args:
        shape: Z, ``(d,)`` or ``(c, h, w)``.
        size: of a piece, where that is given.
        codes: pieces at a place, where that is given; None for both: a place of a map is one
            code, a vector has pieces of 4 numbers, or of 2 or 1 where 4 does not divide it.

    Raises:
        ConfigError: the numbers at a place cannot be cut so.
    """
    channels = shape[0]
    if codes is not None and codes < 1:
        raise ConfigError(f"latents.codes must be null or at least 1, but got {codes}.")
    if size is None and codes is None:
        size = channels if len(shape) > 1 else math.gcd(channels, 4)
    pieces = codes or channels // (size or 1)
    if channels % (size or pieces) or not pieces:
        what = "model.latent_dim" if len(shape) == 1 else "the channels of model.latent_shape"
        must = f"the {size} of latents.levels" if codes is None else f"latents.codes={codes}"
        raise ConfigError(f"{what} must be a multiple of {must}, but got {channels}.")
    return pieces, channels // pieces
