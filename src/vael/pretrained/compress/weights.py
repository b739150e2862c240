"""Round probabilities to what the stack codes with: whole numbers of 2^-24."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vael.errors import ConfigError

PRECISION = 24  # bits of a probability, and the most that a symbol costs
SPARE = 2.0**-16  # share of the sum that is kept back: float32 sums are rounded

Weights = npt.NDArray[np.float32]


def round_to_weights(masses: Tensor) -> Weights:
    """Return weights w ``(m, n)`` so that the stack gives symbol k ``(w_k + 1) / 2^24``.

    Whole numbers whose rows sum to ``2^24 - n``: float32 holds them and all their sums exactly,
    so that no rounding of the coder's own takes a symbol's last chance.

    Args:
        masses: ``(m, n)`` float32, each row up to a factor.

    Raises:
        ConfigError: masses that are NaN, infinite or all zero.
    """
    free = 2**PRECISION - masses.shape[1]
    total = masses.sum(1, keepdim=True)
    if not bool((torch.isfinite(total) & (total > 0)).all()):
        raise ConfigError(
            "the model's probabilities must be finite to compress, but some are NaN or all zero: "
            "its weights have diverged; use another checkpoint."
        )
    weights = (masses * (free * (1 - SPARE) / total)).floor_()
    rest = free - weights.sum(1, keepdim=True)
    weights.scatter_add_(1, masses.argmax(1, keepdim=True), rest)
    found: Weights = weights.numpy()
    return found


def count_bits(weights: Weights, symbols: npt.NDArray[np.int32]) -> float:
    """Return what symbols ``(m,)`` cost, in bits: ``-sum log2((w_k + 1) / 2^24)``."""
    chosen = weights[np.arange(len(symbols)), symbols].astype(np.float64)
    return float((PRECISION - np.log2(chosen + 1)).sum())
