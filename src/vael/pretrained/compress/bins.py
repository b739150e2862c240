"""Round a latent to bins of equal mass under the prior, and find the mass that q gives each."""

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import ndtr, ndtri  # type: ignore[import-untyped]
from torch import Tensor

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

BITS = 16  # of a bin under the prior
SPLIT = 2 ** (BITS // 2)  # coarse bins, and the fine ones in each of them
LEAST = 1e-300  # mass of a bin that q cannot reach, so that the masses of a row have a sum


class LatentBins:
    """2^16 bins of a standard normal, each of probability 2^-16 (Townsend et al. 2019).

    A bin is found in two steps of 256 choices: the mass that q gives all 2^16 of them would be a
    table of 256 times the size. Everything is in units of the prior, ``(z - mu_p) / sigma_p``.
    """

    def __init__(self) -> None:
        edges = ndtri(np.arange(2**BITS + 1) / 2**BITS)
        self.centres: Floats = ndtri((np.arange(2**BITS) + 0.5) / 2**BITS)
        self._coarse: Floats = edges[::SPLIT]
        starts = np.arange(SPLIT)[:, None] * SPLIT + np.arange(SPLIT + 1)
        self._fine: Floats = edges[starts]

    def coarse_masses(self, mean: Floats, sigma: Floats) -> Tensor:
        """Return what N(mean, sigma^2) gives each of the 256 coarse bins, ``(n, 256)``."""
        return _masses(self._coarse[None], mean, sigma)

    def fine_masses(self, mean: Floats, sigma: Floats, coarse: Ints) -> Tensor:
        """Return what it gives each of the 256 bins within a coarse one, up to a factor."""
        return _masses(self._fine[coarse], mean, sigma)


def _masses(edges: Floats, mean: Floats, sigma: Floats) -> Tensor:
    """Return the masses between edges ``(n or 1, 257)``, each row over its largest one.

    Right of the mean both ends are mirrored: the difference of two numbers near 1 has no digits.
    """
    t = (edges - mean[:, None]) / sigma[:, None]
    right = t[:, :1] > 0
    cdf = ndtr(np.where(right, -t, t))
    mass = np.abs(np.diff(cdf, axis=1)) + LEAST
    return torch.from_numpy(mass / mass.max(1, keepdims=True)).float()
