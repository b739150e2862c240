"""The beta-binomial likelihood: a mass over the levels with a mean and a spread."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor

from vael.models.likelihoods.base import Likelihood, at_least_float32, native_levels, sum_event
from vael.models.likelihoods.numerics.beta_binomial import (
    beta_binomial_log_mass,
    sample_beta_binomial,
)


@dataclass(frozen=True)
class BetaBinomialRecord:
    """k ~ BetaBinomial(n, s m, s (1 - m)) in each dimension, n = levels - 1, m = sigmoid(logits).

    Attributes:
        logits: of the mean, ``(*lead, *E)``.
        log_concentration: log s, ``(*lead, *E)``; large: the binomial, small: the ends only.
        event_dims: number of dimensions of ``E``.
        levels: of the data.
    """

    logits: Tensor
    log_concentration: Tensor
    event_dims: int
    levels: int

    def log_mass(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return ``sum log [C(n, k) B(k + s m, n - k + s (1 - m)) / B(s m, s (1 - m))]``, nats."""
        terms = beta_binomial_log_mass(
            at_least_float32(x), self.logits, self.log_concentration, self.levels - 1
        )
        return sum_event(terms, self.event_dims, mask)

    log_prob = log_mass  # there is no density

    @property
    def mean(self) -> Tensor:
        """E[x] = sigmoid(logits), ``(*lead, *E)``."""
        return torch.sigmoid(self.logits)

    def sample(self, noise: Tensor) -> Tensor:
        """Draw x on the grid of the levels from uniform noise, by the inverse cdf."""
        return sample_beta_binomial(
            at_least_float32(noise), self.logits, self.log_concentration, self.levels - 1
        )


class BetaBinomial(Likelihood[BetaBinomialRecord]):
    """Beta-binomial likelihood: a binomial count of levels whose chance has a beta law.

    ``P(k) = C(n, k) B(k + a, n - k + b) / B(a, b)``, ``a = s m``, ``b = s (1 - m)``, Skellam 1948
    (Journal of the Royal Statistical Society B 10, 257). Its variance is that of a binomial with
    mean m times ``(s + n) / (s + 1)``. A decoder's output of 0 is the uniform law over the levels:
    m = 1/2, s = 2.

    Arguments are those of ``Likelihood``; fit is ``mass`` or ``auto``.
    With two levels the spread has no effect.

    Shape:
        theta: ``(*lead, 2, *E)``: the logit of m, and log s - log 2.

    Raises:
        ConfigError: data without levels, or ``fit=density``.
    """

    support = "unit"
    num_params = 2

    def __init__(self, event_shape: Sequence[int], levels: int | None, fit: str = "auto") -> None:
        count = native_levels("beta_binomial", levels, fit)
        super().__init__(event_shape, levels, fit)
        self.count = count

    def link(self, theta: Tensor) -> BetaBinomialRecord:
        """Take the first parameter as the mean's logit; the second moves the log concentration."""
        logits, moved = theta.unbind(-1 - len(self.event_shape))
        return BetaBinomialRecord(logits, moved + log(2), len(self.event_shape), self.count)

    def at_bound(self, px: BetaBinomialRecord) -> Tensor:
        """Return 0: the concentration has no bound."""
        return px.logits.new_zeros(())
