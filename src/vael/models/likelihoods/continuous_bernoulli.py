"""The continuous Bernoulli: a density on [0, 1], and the same family over the levels."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from vael.models.likelihoods.base import Likelihood, at_least_float32, no_levels, sum_event
from vael.models.likelihoods.numerics import truncated_exponential


@dataclass(frozen=True)
class ContinuousBernoulliRecord(ABC):
    """The uniform law on [0, 1], or on its levels, tilted by ``exp(l x)`` in each dimension.

    Attributes:
        logits: l, the natural parameter, ``(*lead, *E)``.
        event_dims: number of dimensions of ``E``.
        levels: of the data, or None.
    """

    logits: Tensor
    event_dims: int
    levels: int | None

    def log_prob(self, x: Tensor) -> Tensor:
        """Return ``sum l x - log((e^l - 1) / l)``, nats, ``(S, B)``."""
        terms = truncated_exponential.log_law(at_least_float32(x), self.logits, None)
        return sum_event(terms, self.event_dims)

    def log_mass(self, x: Tensor) -> Tensor:
        """Return ``sum log softmax_k(l k / (levels - 1))`` at the levels of x, nats, ``(S, B)``.

        Raises:
            ConfigError: the data has no levels.
        """
        if self.levels is None:
            raise no_levels("likelihood=continuous_bernoulli")
        terms = truncated_exponential.log_law(at_least_float32(x), self.logits, self.levels)
        return sum_event(terms, self.event_dims)

    @property
    @abstractmethod
    def mean(self) -> Tensor:
        """E[x], ``(*lead, *E)``."""

    @abstractmethod
    def sample(self, noise: Tensor) -> Tensor:
        """Draw x from uniform noise in [0, 1) of the logits' shape, by the inverse cdf."""


@dataclass(frozen=True)
class ContinuousBernoulliDensity(ContinuousBernoulliRecord):
    """Read as a density (``fit=density``)."""

    @property
    def mean(self) -> Tensor:
        """``1 / (1 - e^-l) - 1 / l``, in (0, 1)."""
        return truncated_exponential.mean(self.logits, None)

    def sample(self, noise: Tensor) -> Tensor:
        """Return x, any number in [0, 1]."""
        return truncated_exponential.sample(at_least_float32(noise), self.logits, None)


@dataclass(frozen=True)
class ContinuousBernoulliMass(ContinuousBernoulliRecord):
    """Read as a distribution over the levels (``fit=mass``); two levels: the Bernoulli itself."""

    @property
    def mean(self) -> Tensor:
        """E[x] over the levels."""
        return truncated_exponential.mean(self.logits, self.levels)

    def sample(self, noise: Tensor) -> Tensor:
        """Draw x on the grid of the levels."""
        return truncated_exponential.sample(at_least_float32(noise), self.logits, self.levels)


class ContinuousBernoulli(Likelihood[ContinuousBernoulliRecord]):
    """Continuous Bernoulli, ``p(x) = C(m) m^x (1 - m)^(1 - x)`` on [0, 1], ``m = sigmoid(l)``.

    Loaiza-Ganem and Cunningham 2019 (https://arxiv.org/abs/1907.06845), equation 7; C is the
    constant that the cross-entropy on grey values lacks. In l it reads ``e^(l x) l / (e^l - 1)``,
    and the mass of the levels is the same family: ``P(k) = softmax_k(l k / (levels - 1))``.

    Args:
        event_shape: ``E`` (a fact of the data).
        levels: values per dimension, or None (a fact of the data).
        fit: ``mass``, ``density`` or ``auto``.

    Shape:
        theta: ``(*lead, 1, *E)``, the natural parameter l.
    """

    support = "unit"
    num_params = 1

    def __init__(self, event_shape: Sequence[int], levels: int | None, fit: str = "auto") -> None:
        super().__init__(event_shape, levels, fit)
        self.record = ContinuousBernoulliMass if self.fit == "mass" else ContinuousBernoulliDensity

    def link(self, theta: Tensor) -> ContinuousBernoulliRecord:
        """Take the one parameter as the natural parameter."""
        dims = len(self.event_shape)
        return self.record(theta.squeeze(-1 - dims), dims, self.levels)

    def at_bound(self, px: ContinuousBernoulliRecord) -> Tensor:
        """Return 0: there is no scale."""
        return px.logits.new_zeros(())
