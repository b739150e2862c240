"""The continuous Bernoulli: a density on [0, 1], and the same family over the levels."""

from dataclasses import dataclass

from torch import Tensor

from vael.models.likelihoods.base import Likelihood, at_least_float32, no_levels, sum_event
from vael.models.likelihoods.numerics.truncated_exponential import (
    sample_truncated,
    truncated_log_law,
    truncated_mean,
)


@dataclass(frozen=True)
class ContinuousBernoulliRecord:
    """The uniform law on [0, 1], or on its levels, tilted by ``exp(l x)`` in each dimension.

    Attributes:
        logits: l, the natural parameter, ``(*lead, *E)``.
        event_dims: number of dimensions of ``E``.
        levels: of the data, or None.
        grid: the levels under ``fit=mass`` (with two it is the Bernoulli itself), else None.
    """

    logits: Tensor
    event_dims: int
    levels: int | None
    grid: int | None

    def log_prob(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return ``sum l x - log((e^l - 1) / l)``, nats, ``(S, B)``."""
        terms = truncated_log_law(at_least_float32(x), self.logits, None)
        return sum_event(terms, self.event_dims, mask)

    def log_mass(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return ``sum log softmax_k(l k / (levels - 1))`` at the levels of x, nats, ``(S, B)``.

        Raises:
            ConfigError: the data has no levels.
        """
        if self.levels is None:
            raise no_levels("likelihood=continuous_bernoulli")
        terms = truncated_log_law(at_least_float32(x), self.logits, self.levels)
        return sum_event(terms, self.event_dims, mask)

    @property
    def mean(self) -> Tensor:
        """E[x] over the grid, or ``1 / (1 - e^-l) - 1 / l``, in (0, 1), ``(*lead, *E)``."""
        return truncated_mean(self.logits, self.grid)

    def sample(self, noise: Tensor) -> Tensor:
        """Draw x from uniform noise in [0, 1) of the logits' shape, by the inverse cdf."""
        return sample_truncated(at_least_float32(noise), self.logits, self.grid)


class ContinuousBernoulli(Likelihood[ContinuousBernoulliRecord]):
    """Continuous Bernoulli, ``p(x) = C(m) m^x (1 - m)^(1 - x)`` on [0, 1], ``m = sigmoid(l)``.

    Loaiza-Ganem and Cunningham 2019 (https://arxiv.org/abs/1907.06845), equation 7; C is the
    constant that the cross-entropy on grey values lacks. In l it reads ``e^(l x) l / (e^l - 1)``,
    and the mass of the levels is the same family: ``P(k) = softmax_k(l k / (levels - 1))``.

    Arguments are those of ``Likelihood``.

    Shape:
        theta: ``(*lead, 1, *E)``, the natural parameter l.
    """

    support = "unit"
    num_params = 1

    def link(self, theta: Tensor) -> ContinuousBernoulliRecord:
        """Take the one parameter as the natural parameter."""
        dims = len(self.event_shape)
        return ContinuousBernoulliRecord(theta.squeeze(-1 - dims), dims, self.levels, self.grid)

    def at_bound(self, px: ContinuousBernoulliRecord) -> Tensor:
        """Return 0: there is no scale."""
        return px.logits.new_zeros(())
