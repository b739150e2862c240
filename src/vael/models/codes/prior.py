"""The contract of a prior over codes, and the uniform one."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor

from vael.models.priors.base import Encode, Prior
from vael.models.priors.mixture_record import CHOICE, turn_uniform
from vael.types import Shape

POINTS = 16  # draws behind the mean


class Codebook(Protocol):
    """What turns the codes of an example into what the decoder gets, and back."""

    def look_up(self, codes: Tensor) -> Tensor:
        """Return what the codes ``(*, M)`` stand for, ``(*, *Z)``."""
        ...

    def find(self, z: Tensor) -> Tensor:
        """Return the codes ``(*, M)`` that stand for z ``(*, *Z)``."""
        ...


@dataclass(frozen=True, eq=False)
class CodePriorRecord:
    """``P(c_1, ..., c_M)``: a probability of what the codes stand for, not a density of z.

    Attributes:
        prior: P.
        book: from codes to z.
    """

    prior: "CodePrior"
    book: Codebook

    @property
    def mean(self) -> Tensor:
        """E[z], an average over 16 draws, ``(*Z)``."""
        source = torch.Generator().manual_seed(0)
        eps = torch.randn(1, POINTS, *self.prior.noise_shape, generator=source)
        return self.rsample(eps)[0].mean(0)

    def log_prob(self, z: Tensor) -> Tensor:
        """Return the log probability of the codes of z ``(S, B, *Z)``, nats, ``(S, B)``."""
        codes = self.book.find(z)
        return self.prior.log_mass(codes.flatten(0, -2)).reshape(codes.shape[:-1])

    def rsample(self, eps: Tensor) -> Tensor:
        """Turn standard normal noise eps ``(S, B, M, 2)`` into z, ``(S, B, *Z)``."""
        codes = self.prior.sample(turn_uniform(eps).flatten(0, -2))
        return self.book.look_up(codes.reshape(eps.shape[:-1]))


class CodePrior(Prior):
    """A distribution of M codes of K values each.

    Its parameters are trained by the rate in the loss, which is ``-log P(c)`` of the training
    examples; the codes pass no gradient on.

    Args:
        event_shape: Z, the shape of what the codes stand for.
        grid: how the codes lie, of M places.
        num_codes: K.
    """

    def __init__(self, event_shape: Shape, grid: Shape, num_codes: int) -> None:
        super().__init__(event_shape)
        self.grid, self.length, self.num_codes = tuple(grid), math.prod(grid), num_codes

    @property
    def noise_shape(self) -> Shape:
        """``(M, 2)``: two numbers choose a code."""
        return (self.length, CHOICE)

    def forward(self, encode: Encode, context: Tensor | None = None) -> CodePriorRecord:
        """Return the record of P for the codebook of the model."""
        return CodePriorRecord(self, cast(Codebook, encode.family))  # type: ignore[attr-defined]

    def learn(self, codes: Tensor) -> None:
        """See the codes ``(B, M)`` of a training step."""

    @abstractmethod
    def log_mass(self, codes: Tensor) -> Tensor:
        """Return log P of codes ``(B, M)``, nats, ``(B,)``."""

    @abstractmethod
    def sample(self, uniform: Tensor) -> Tensor:
        """Draw codes ``(N, M)`` by uniform noise in [0, 1] of this shape."""


class UniformCodes(CodePrior):
    """``P(c) = K^-M``: a code costs ``log K`` nats whatever it is."""

    def log_mass(self, codes: Tensor) -> Tensor:
        """Return ``-M log K``, ``(B,)``."""
        length = self.length * math.log(self.num_codes)
        return torch.full(codes.shape[:1], -length, device=codes.device)

    def sample(self, uniform: Tensor) -> Tensor:
        """Draw codes ``(N, M)``."""
        return (uniform * self.num_codes).long().clamp(max=self.num_codes - 1)


def choose(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """Return the codes ``(*, N)`` that uniform numbers of this shape choose, by ``(*, K)``."""
    edges = probabilities.cumsum(-1)
    found = torch.searchsorted(edges, (uniform * edges[..., -1:]).contiguous(), right=True)
    return found.clamp(max=edges.shape[-1] - 1)
