"""A learned codebook: vector quantisation."""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from vael.errors import ConfigError
from vael.models.codes.quantizer import (
    Quantized,
    Quantizer,
    check_number,
    pass_rotated,
    pass_straight,
)
from vael.models.gather import gather

ROUNDS = 10  # of k-means at the start
VECTORS_PER_CODE = 32  # that k-means looks at
GOLDEN = (math.sqrt(5) - 1) / 2
GRADIENTS = {"rotation": pass_rotated, "straight_through": pass_straight}


class VectorQuantizer(Quantizer):
    """``c = argmin_k |z - e_k|^2``, the vector ``e_c`` in the place of z.

    van den Oord et al. 2017 (https://arxiv.org/abs/1711.00937). The loss has
    ``commitment |z - sg(e_c)|^2`` more, nats a vector. In a training step, after its vectors have
    been quantised, the codebook moves towards the means of those that chose each code::

        n_k <- decay n_k + (1 - decay) (K / N) #{i: c_i = k}         1: an equal share of the N
        e_k <- e_k + (1 - decay) (K / N) sum over c_i = k of (z_i - e_k) / n_k

    which is their exponential moving average (Appendix A.1 there); N counts the vectors of all
    devices. With decay 0 it is a step of k-means. A code whose n_k falls below ``restart`` becomes
    one of the step's vectors, and has n_k = 1.

    Args:
        size: v, numbers of a vector.
        num_codes: K, at least 2.
        decay: of the averages, in [0, 1); None: e_k is a parameter, with ``|sg(z) - e_c|^2`` in
            the loss, and no code is restarted.
        commitment: weight, at least 0.
        restart: share of an equal use of the codes, in [0, 1); 0: none is restarted.
        gradient: ``rotation`` or ``straight_through``: how it passes the quantiser.

    Raises:
        ConfigError: an option is out of range.
    """

    usage: Tensor

    def __init__(
        self,
        size: int,
        num_codes: int,
        decay: float | None = 0.99,
        commitment: float = 0.25,
        restart: float = 0.05,
        gradient: Literal["rotation", "straight_through"] = "rotation",
    ) -> None:
        super().__init__()
        _check("codebook_size", num_codes, num_codes >= 2, "at least 2")
        check_number(f"latents.codebook_size={num_codes}", num_codes)
        for name, value in (("decay", decay or 0.0), ("restart", restart)):
            _check(name, value, 0 <= value < 1, "in [0, 1)")
        _check("commitment", commitment, 0 <= commitment < math.inf, "a finite number >= 0")
        _check("gradient", gradient, gradient in GRADIENTS, f"one of {', '.join(GRADIENTS)}")
        self.size, self.num_codes = size, num_codes
        self.decay, self.commitment, self.restart = decay, commitment, restart
        self._pass = GRADIENTS[gradient]
        codebook = torch.randn(num_codes, size)
        self.codebook: Tensor
        if decay is None:
            self.codebook = nn.Parameter(codebook)
        else:
            self.register_buffer("codebook", codebook)
        self.register_buffer("usage", torch.ones(num_codes))

    @property
    def num_vectors(self) -> int:
        """32 for each code."""
        return VECTORS_PER_CODE * self.num_codes

    @torch.no_grad()
    def initialise(self, vectors: Tensor) -> None:
        """Start the codebook by ten rounds of k-means on vectors ``(N, v)`` in a random order.

        Raises:
            ConfigError: there are fewer vectors than codes.
        """
        if len(vectors) < self.num_codes:
            raise ConfigError(
                f"latents.codebook_size={self.num_codes} must not be larger than the number of "
                f"vectors that the training examples give, {len(vectors)}, at which the codes "
                "start; set a smaller one."
            )
        self.codebook.copy_(vectors[self._choose(vectors)])
        for _ in range(ROUNDS):
            self._update(vectors, self.find(vectors), 0.0, self.restart)
        self.usage.fill_(1.0)

    def look_up(self, codes: Tensor) -> Tensor:
        """Return the vectors ``(..., v)`` of codes ``(...,)``."""
        return functional.embedding(codes, self.codebook)

    def forward(self, vectors: Tensor) -> Quantized:
        """Quantise vectors ``(N, v)``; a step with gradients moves the codebook afterwards."""
        codes = self.find(vectors)
        chosen = self.look_up(codes)
        penalty = self.commitment * (vectors - chosen.detach()).square().sum(-1)
        if self.decay is None:
            penalty = penalty + (vectors.detach() - chosen).square().sum(-1)
        elif self.training and torch.is_grad_enabled():
            self.learn(vectors.detach(), codes)
        return Quantized(codes, self._pass(vectors, chosen), penalty)

    @torch.no_grad()
    def learn(self, vectors: Tensor, codes: Tensor) -> None:
        """Move the codebook by the vectors of all devices; those that are not finite are left."""
        assert self.decay is not None
        self._update(gather(vectors), gather(codes), self.decay, self.restart)

    def _update(self, vectors: Tensor, codes: Tensor, decay: float, restart: float) -> None:
        book, gain = self.codebook, (1 - decay) * self.num_codes / len(vectors)
        counts = torch.zeros_like(self.usage).index_add_(0, codes, vectors.new_ones(len(codes)))
        sums = torch.zeros_like(book).index_add_(0, codes, vectors)
        usage = decay * self.usage + gain * counts
        step = gain * (sums - counts[:, None] * book)
        moved = book + torch.where(counts > 0, 1 / usage, 0.0)[:, None] * step
        if restart > 0:
            dead = usage < restart
            moved = torch.where(dead[:, None], vectors[self._choose(vectors, dead)], moved)
            usage = torch.where(dead, 1.0, usage)
        finite = torch.isfinite(sums).all()
        self.codebook.copy_(torch.where(finite, moved, book))
        self.usage.copy_(torch.where(finite, usage, self.usage))

    def _choose(self, vectors: Tensor, wanted: Tensor | None = None) -> Tensor:
        """Return for each code the number of a vector, for the wanted ones all different.

        The vectors come in the order of the batch, which is random already; those that are taken
        stand apart, since the vectors of one example follow one another.
        """
        stride = round(GOLDEN * len(vectors))
        while math.gcd(stride, len(vectors)) != 1:
            stride += 1
        rank = torch.arange(self.num_codes, device=vectors.device)
        if wanted is not None:
            rank = (wanted.cumsum(0) - 1).clamp(min=0)
        return rank * stride % len(vectors)


def _check(name: str, value: object, holds: bool, must: str) -> None:
    if not holds:
        raise ConfigError(f"latents.{name} must be {must}, but got {value!r}.")
