"""The logistic likelihood, as a density or as the probability of a quantisation cell."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from vael.models.likelihoods.location_scale import Law, LocationScaleLikelihood
from vael.models.likelihoods.numerics.cells import edges, log1mexp
from vael.models.likelihoods.numerics.rounded_mean import LOGISTIC, rounded_mean


class LogisticLaw(Law):
    """``cdf(t) = sigmoid(t)``."""

    name = "logistic"

    def log_density(self, t: Tensor, log_sigma: Tensor) -> Tensor:
        """Return ``log sigmoid(t) + log sigmoid(-t) - log sigma``."""
        return logsigmoid(t) + logsigmoid(-t) - log_sigma

    def quantile(self, noise: Tensor) -> Tensor:
        """Return ``log u - log(1 - u)``."""
        return torch.log(noise) - torch.log1p(-noise)

    def log_cell(self, x: Tensor, mu: Tensor, log_sigma: Tensor, levels: int) -> Tensor:
        """Return the log of ``sigmoid(b) sigmoid(-a) (1 - e^-(b - a))``, where nothing cancels."""
        lower, upper, inner = edges(x, levels)
        inv = torch.exp(-log_sigma)
        a, b = (lower - mu) * inv, (upper - mu) * inv
        return logsigmoid(b) + logsigmoid(-a) + inner * log1mexp(inv / (levels - 1))

    def rounded_mean(self, mu: Tensor, log_sigma: Tensor, levels: int) -> Tensor:
        """Return the mean of x rounded to the levels, by ``numerics.rounded_mean``."""
        return rounded_mean(LOGISTIC, mu, log_sigma, levels)


class Logistic(LocationScaleLikelihood):
    """Logistic likelihood, ``P(X < x) = sigmoid((x - mu) / sigma)`` in each dimension.

    Arguments, shapes and errors are those of ``LocationScaleLikelihood``; the standard deviation
    is ``pi sigma / sqrt(3)``.
    """

    def __init__(
        self,
        event_shape: Sequence[int],
        levels: int | None,
        scale: str = "shared",
        sigma: float = 0.15,
        fit: str = "auto",
    ) -> None:
        super().__init__(event_shape, levels, LogisticLaw(), scale, sigma, fit)
