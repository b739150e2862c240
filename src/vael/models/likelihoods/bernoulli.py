"""The Bernoulli likelihood from logits, and the grey levels' law with the same mean."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd, prod
from typing import Any

import torch
from torch import Tensor

from vael.models.likelihoods.base import Likelihood, at_least_float32, no_levels, sum_event
from vael.models.likelihoods.numerics import max_entropy

FLOATS_IN_CACHE = 2**17  # 512 KiB: a piece, and what is made of it, stay in a core's own cache


@dataclass(frozen=True)
class BernoulliRecord(ABC):
    """A distribution with mean ``sigmoid(logits)`` in each dimension.

    Attributes:
        logits: ``(*lead, *E)``.
        event_dims: number of dimensions of ``E``.
    """

    logits: Tensor
    event_dims: int

    @property
    def mean(self) -> Tensor:
        """E[x] = sigmoid(logits), ``(*lead, *E)``."""
        return torch.sigmoid(self.logits)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the cross-entropy ``sum x l - log(1 + e^l)``, nats, ``(S, B)``.

        For x strictly between 0 and 1 this is no log-density: it integrates to less than 1.
        """
        x = at_least_float32(x)
        found: Tensor = _CrossEntropy.apply(self.logits, x, self.event_dims)  # type: ignore[no-untyped-call]
        return found

    @abstractmethod
    def log_mass(self, x: Tensor) -> Tensor:
        """Sum of log P(x) over the levels of the data, nats, ``(S, B)``."""

    @abstractmethod
    def sample(self, noise: Tensor) -> Tensor:
        """Draw x from uniform noise in [0, 1) of the logits' shape."""


@dataclass(frozen=True)
class BinaryRecord(BernoulliRecord):
    """Data with two levels: the Bernoulli distribution itself."""

    def log_mass(self, x: Tensor) -> Tensor:
        """Return the log-probability of x, which is the cross-entropy."""
        return self.log_prob(x)

    def sample(self, noise: Tensor) -> Tensor:
        """Draw x in {0, 1}."""
        return _coin(self.logits, noise)


@dataclass(frozen=True)
class UnquantisedRecord(BernoulliRecord):
    """Data in [0, 1] without levels: cross-entropy only."""

    def log_mass(self, x: Tensor) -> Tensor:
        """Raise ConfigError: without levels there are no cells."""
        raise no_levels("likelihood=bernoulli")

    def sample(self, noise: Tensor) -> Tensor:
        """Draw x in {0, 1}."""
        return _coin(self.logits, noise)


@dataclass(frozen=True)
class GreyRecord(BernoulliRecord):
    """Data with more levels: the maximum-entropy law of mean sigmoid(logits) over them.

    Attributes:
        table: see ``max_entropy.natural_table``.
        levels: of the data.
    """

    table: Tensor
    levels: int

    def log_mass(self, x: Tensor) -> Tensor:
        """Return ``sum eta k - log sum_j e^(eta j)``, k = (levels - 1) x, nats, ``(S, B)``."""
        last = self.levels - 1
        cells = max_entropy.log_mass(at_least_float32(x), self.logits, self.table, last)
        return sum_event(cells, self.event_dims)


@dataclass(frozen=True)
class GreyMass(GreyRecord):
    """Grey levels, trained as such (``fit=mass``)."""

    def sample(self, noise: Tensor) -> Tensor:
        """Draw x on the grid of the levels, by the inverse cdf."""
        noise = at_least_float32(noise)
        return max_entropy.sample(noise, self.logits, self.table, self.levels - 1)


@dataclass(frozen=True)
class GreyDensity(GreyRecord):
    """Grey levels, trained by the textbook's cross-entropy (``fit=density``)."""

    def sample(self, noise: Tensor) -> Tensor:
        """Draw x in {0, 1}."""
        return _coin(self.logits, noise)


class Bernoulli(Likelihood[BernoulliRecord]):
    """Bernoulli likelihood from logits, ``P(x = 1) = sigmoid(l)``.

    Grey levels: ``density`` is the textbook's cross-entropy on them; ``mass`` the
    maximum-entropy distribution over the levels that has the decoder's mean.

    Args:
        event_shape: ``E`` (a fact of the data).
        levels: values per dimension, or None (a fact of the data).
        fit: ``mass``, ``density`` or ``auto``.

    Shape:
        theta: ``(*lead, 1, *E)``, logits.
    """

    support = "unit"
    num_params = 1
    table: Tensor

    def __init__(self, event_shape: Sequence[int], levels: int | None, fit: str = "auto") -> None:
        super().__init__(event_shape, levels, fit)
        grey = levels is not None and levels > 2
        table = max_entropy.natural_table(levels - 1) if grey and levels else torch.zeros(4, 0)
        # Derived, so not in the checkpoint.
        self.register_buffer("table", table.to(torch.get_default_dtype()), persistent=False)

    def link(self, theta: Tensor) -> BernoulliRecord:
        """Take the one parameter as the logit."""
        logits, dims = theta.squeeze(-1 - len(self.event_shape)), len(self.event_shape)
        if self.levels is None:
            return UnquantisedRecord(logits, dims)
        if self.levels == 2:
            return BinaryRecord(logits, dims)
        grey = GreyMass if self.fit == "mass" else GreyDensity
        return grey(logits, dims, self.table, self.levels)

    def at_bound(self, px: BernoulliRecord) -> Tensor:
        """Return 0: there is no scale."""
        return px.logits.new_zeros(())


class _CrossEntropy(torch.autograd.Function):
    """``sum x l - log(1 + e^l)`` in half of autograd's time: ``d/dl = x - sigmoid(l)``.

    By ``log(1 + e^l) = max(l, 0) - log sigmoid(|l|)``, of which autograd would find the slope of
    max at l = 0, and 1 - sigmoid rounded. Differentiable twice.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(logits: Tensor, x: Tensor, event_dims: int) -> Tensor:
        """Return ``(S, B)`` for logits ``(S, B, *E)`` and x ``(B, *E)``."""
        # All of 5 x 100 x 784 at once takes a third longer: each pass waits for memory.
        if logits.device.type != "cpu" or logits.ndim <= x.ndim:
            return _cross_entropy(logits, x, event_dims)
        pieces = torch.split(logits, max(1, FLOATS_IN_CACHE // max(1, x.numel())))
        return torch.cat([_cross_entropy(piece, x, event_dims) for piece in pieces])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, int], output: Tensor) -> None:
        """Keep what both gradients need."""
        logits, x, ctx.event_dims = inputs
        ctx.save_for_backward(logits, x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """Return the gradients by the logits and, where needed, by x."""
        logits, x = ctx.saved_tensors
        grad = grad.reshape(*grad.shape, *[1] * ctx.event_dims)
        by_logits = (x - torch.sigmoid(logits)) * grad if ctx.needs_input_grad[0] else None
        by_x = (logits * grad).sum_to_size(x.shape) if ctx.needs_input_grad[1] else None
        return by_logits, by_x, None


def _cross_entropy(logits: Tensor, x: Tensor, event_dims: int) -> Tensor:
    signed = torch.addcmul(logits.clamp_min(0), x, logits, value=-1)
    sigmoids = logits.abs().sigmoid_()
    if event_dims:
        # A product of 16 needs one logarithm, and is 2^-16 at least.
        num_dims = prod(logits.shape[-event_dims:])
        factors = gcd(num_dims, 16)
        lead = logits.shape[:-event_dims]
        sigmoids = sigmoids.reshape(*lead, factors, num_dims // factors).prod(-2)
    logs = sum_event(sigmoids.log_(), min(event_dims, 1))
    return logs - sum_event(signed, event_dims)


def _coin(logits: Tensor, noise: Tensor) -> Tensor:
    return (noise < torch.sigmoid(logits)).to(logits.dtype)
