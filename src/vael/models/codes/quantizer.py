"""The contract of a quantiser: from vectors to codes and back."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vael.errors import ConfigError

SMALL = 1e-12  # a length that is taken for 0
MOST_CODES = 2**24  # the use of each is counted: 128 MiB
FLOATS_AT_ONCE = 2**26  # distances between vectors and codes, 256 MiB


@dataclass(frozen=True)
class Quantized:
    """Vectors, each at one of K values.

    Attributes:
        codes: which, int64, ``(N,)``.
        vectors: the values, with the gradient that is passed on, ``(N, v)``.
        penalty: what they add to a loss, nats, ``(N,)``; None: nothing.
    """

    codes: Tensor
    vectors: Tensor
    penalty: Tensor | None = None


class Quantizer(nn.Module, ABC):
    """A map from vectors of v numbers to K codes, and back to K vectors.

    Attributes:
        num_codes: K.
        size: v.
    """

    num_codes: int
    size: int

    @abstractmethod
    def forward(self, vectors: Tensor) -> Quantized:
        """Quantise vectors ``(N, v)`` float32; in training a codebook may learn from them."""

    @abstractmethod
    def look_up(self, codes: Tensor) -> Tensor:
        """Return the vectors ``(..., v)`` of codes ``(...,)``."""

    @torch.no_grad()
    def find(self, vectors: Tensor) -> Tensor:
        """Return the codes ``(N,)`` whose vectors are nearest, the first of equals."""
        with torch.autocast(vectors.device.type, enabled=False):
            book = self.look_up(torch.arange(self.num_codes, device=vectors.device))
            lengths = book.square().sum(-1)

            def find(part: Tensor) -> Tensor:
                return (lengths - 2 * part @ book.mT).argmin(-1)

            if torch.compiler.is_exporting():  # a graph for any N has no parts
                return find(vectors)
            parts = torch.split(vectors, max(1, FLOATS_AT_ONCE // self.num_codes))
            return torch.cat([find(part) for part in parts])

    @property
    def num_vectors(self) -> int:
        """How many vectors ``initialise`` wants; 0: it is not called."""
        return 0

    def initialise(self, vectors: Tensor) -> None:
        """Start from vectors ``(N, v)`` of training examples, in a random order."""


def check_number(setting: str, made: int) -> None:
    """Refuse more codes than there is memory to count the use of.

    Args:
        setting: that makes them.
        made: K.

    Raises:
        ConfigError: there are more than 2^24.
    """
    if made > MOST_CODES:
        raise ConfigError(
            f"{setting} must make at most {MOST_CODES:,} codes, of which the use of each is "
            f"counted, but makes {made:,}."
        )


def pass_straight(vectors: Tensor, chosen: Tensor) -> Tensor:
    """Return ``chosen`` to the bit, with the gradient of ``vectors``.

    The straight-through estimator (Bengio et al. 2013, https://arxiv.org/abs/1308.3432).
    """
    return chosen.detach() + (vectors - vectors.detach())


def pass_rotated(vectors: Tensor, chosen: Tensor) -> Tensor:
    """Return ``chosen`` to the bit, with the gradient through a rotation and a scale.

    ``q = (|q| / |z|) R z`` with ``R = I - 2 r r^T + 2 q^ z^T``, z^ and q^ of length 1 and r that
    of their sum, all held constant (Fifty et al. 2024, https://arxiv.org/abs/2410.06424, Eq. 5):
    the angle between a gradient and q is that between what reaches z and z.
    """
    with torch.no_grad():
        long = vectors.norm(dim=-1, keepdim=True).clamp(min=SMALL)
        wide = chosen.norm(dim=-1, keepdim=True).clamp(min=SMALL)
        old, new = vectors / long, chosen / wide
        middle = old + new
        middle = middle / middle.norm(dim=-1, keepdim=True).clamp(min=SMALL)
    mirrored = vectors - 2 * (vectors * middle).sum(-1, keepdim=True) * middle
    turned = (wide / long) * (mirrored + 2 * (vectors * old).sum(-1, keepdim=True) * new)
    return pass_straight(turned, chosen)
