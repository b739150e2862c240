"""The Laplace likelihood, as a density or as the probability of a quantisation cell."""

from collections.abc import Sequence
from math import log

import torch
from torch import Tensor

from vael.models.likelihoods.location_scale import Law, LocationScaleLikelihood
from vael.models.likelihoods.numerics.laplace_cell import laplace_log_cell

TINY = 1e-20  # stands for 0 where a ratio has a limit


class LaplaceLaw(Law):
    """``p(t) = exp(-|t|) / 2``."""

    name = "laplace"

    def log_density(self, t: Tensor, log_sigma: Tensor) -> Tensor:
        """Return ``-|t| - log sigma - log 2``."""
        return -t.abs() - log_sigma - log(2)

    def quantile(self, noise: Tensor) -> Tensor:
        """Return ``log 2u`` below the median, ``-log 2(1 - u)`` above."""
        tail = torch.minimum(noise, 1 - noise)
        return torch.sign(noise - 0.5) * -torch.log(2 * tail)

    def log_cell(self, x: Tensor, mu: Tensor, log_sigma: Tensor, levels: int) -> Tensor:
        """Compute it by ``numerics.laplace_cell``."""
        return laplace_log_cell(x, mu, log_sigma, levels)

    def rounded_mean(self, mu: Tensor, log_sigma: Tensor, levels: int) -> Tensor:
        """Return ``h sum_j P(X > e_j)`` over the edges: a geometric series on each side of mu."""
        last = levels - 1
        width = (torch.exp(-log_sigma) / last).clamp(min=TINY)
        place = mu * last
        below = (place.detach() + 0.5).floor().clamp(0, last)  # number of edges below mu

        def series(gap: Tensor, count: Tensor) -> Tensor:
            first = 0.5 * torch.exp(-gap.clamp(min=0) * width)
            return first * torch.expm1(-count * width) / torch.expm1(-width)

        above = series(below + 0.5 - place, last - below)
        return (below - series(place - below + 0.5, below) + above) / last


class Laplace(LocationScaleLikelihood):
    """Laplace likelihood, ``p(x) = exp(-|x - mu| / sigma) / (2 sigma)`` in each dimension.

    Arguments, shapes and errors are those of ``LocationScaleLikelihood``; sigma is the scale b,
    the standard deviation is ``sqrt(2) sigma``.
    """

    def __init__(
        self,
        event_shape: Sequence[int],
        levels: int | None,
        scale: str = "shared",
        sigma: float = 0.2,
        fit: str = "auto",
    ) -> None:
        super().__init__(event_shape, levels, LaplaceLaw(), scale, sigma, fit)
