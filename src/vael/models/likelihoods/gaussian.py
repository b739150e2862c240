"""The normal likelihood, as a density or as the probability of a quantisation cell."""

from collections.abc import Sequence
from math import log, pi

import torch
from torch import Tensor

from vael.models.likelihoods.location_scale import Law, LocationScaleLikelihood
from vael.models.likelihoods.numerics.normal_cell import normal_log_cell
from vael.models.likelihoods.numerics.rounded_mean import NORMAL, rounded_mean


class NormalLaw(Law):
    """``p(t) = exp(-t^2 / 2) / sqrt(2 pi)``."""

    name = "gaussian"

    def log_density(self, t: Tensor, log_sigma: Tensor) -> Tensor:
        """Return ``-t^2 / 2 - log sigma - log(2 pi) / 2``."""
        return -0.5 * t.square() - log_sigma - 0.5 * log(2 * pi)

    def quantile(self, noise: Tensor) -> Tensor:
        """Return ``Phi^-1(noise)``."""
        standard: Tensor = torch.special.ndtri(noise)
        return standard

    def log_cell(self, x: Tensor, mu: Tensor, log_sigma: Tensor, levels: int) -> Tensor:
        """Return the log-probability of the cell of x, by ``numerics.normal_cell``."""
        return normal_log_cell(x, mu, log_sigma, 0.5 / (levels - 1))

    def rounded_mean(self, mu: Tensor, log_sigma: Tensor, levels: int) -> Tensor:
        """Compute it by ``numerics.rounded_mean``."""
        return rounded_mean(NORMAL, mu, log_sigma, levels)


class Gaussian(LocationScaleLikelihood):
    """Normal likelihood, ``x ~ N(mu, sigma^2)`` independently for each dimension.

    Arguments, shapes and errors are those of ``LocationScaleLikelihood``.
    """

    def __init__(
        self,
        event_shape: Sequence[int],
        levels: int | None,
        scale: str = "shared",
        sigma: float = 0.3,
        fit: str = "auto",
    ) -> None:
        super().__init__(event_shape, levels, NormalLaw(), scale, sigma, fit)
