"""The Bernoulli likelihood from logits, and its extension to grey levels with the same mean."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd, prod
from typing import Any

import torch
from torch import Tensor

from vael.models.likelihoods.base import Likelihood, at_least_float32, no_levels, sum_event
from vael.models.likelihoods.numerics.max_entropy import (
    max_entropy_log_mass,
    natural_table,
    sample_max_entropy,
)

FLOATS_IN_CACHE = 2**17  # 512 KiB: a piece, and what is made of it, stay in a core's own cache
SURELY_0 = -1e4  # a logit whose sigmoid is 0 to the last bit


@dataclass(frozen=True)
class BernoulliRecord:
    """A distribution with mean ``sigmoid(logits)`` in each dimension.

    Attributes:
        logits: ``(*lead, *E)``.
        event_dims: number of dimensions of ``E``.
        levels: of the data, or None. With two it is the Bernoulli distribution itself, with more
            the mass is the maximum-entropy law of mean sigmoid(logits) over them.
        grid: the levels under ``fit=mass``, else None.
        table: see ``max_entropy.natural_table``; for more than two levels.
    """

    logits: Tensor
    event_dims: int
    levels: int | None
    grid: int | None
    table: Tensor

    @property
    def mean(self) -> Tensor:
        """E[x] = sigmoid(logits), ``(*lead, *E)``."""
        return torch.sigmoid(self.logits)

    def log_prob(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the cross-entropy ``sum x l - log(1 + e^l)``, nats, ``(S, B)``.

        For x strictly between 0 and 1 this is no log-density: it integrates to less than 1.
        """
        x, logits = at_least_float32(x), self.logits
        if mask is not None:  # a sure 0 that is 0: its term and its gradient are 0
            x, logits = torch.where(mask, x, 0), torch.where(mask, logits, SURELY_0)
        found: Tensor = _CrossEntropy.apply(logits, x, self.event_dims)  # type: ignore[no-untyped-call]
        return found

    def log_mass(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return ``sum eta k - log sum_j e^(eta j)``, k = (levels - 1) x, nats, ``(S, B)``.

        Raises:
            ConfigError: the data has no levels.
        """
        if self.levels is None:
            raise no_levels("likelihood=bernoulli")
        if self.levels == 2:
            return self.log_prob(x, mask)
        last = self.levels - 1
        cells = max_entropy_log_mass(at_least_float32(x), self.logits, self.table, last)
        return sum_event(cells, self.event_dims, mask)

    def sample(self, noise: Tensor) -> Tensor:
        """Draw x from uniform noise in [0, 1) of the logits' shape: on the grid, or in {0, 1}."""
        if self.grid is None or self.grid == 2:
            return (noise < torch.sigmoid(self.logits)).to(self.logits.dtype)
        noise = at_least_float32(noise)
        return sample_max_entropy(noise, self.logits, self.table, self.grid - 1)


class Bernoulli(Likelihood[BernoulliRecord]):
    """Bernoulli likelihood from logits, ``P(x = 1) = sigmoid(l)``.

    Grey levels: ``density`` is the textbook's cross-entropy on them; ``mass`` the
    maximum-entropy distribution over the levels that has the decoder's mean.

    Arguments are those of ``Likelihood``.

    Shape:
        theta: ``(*lead, 1, *E)``, logits.
    """

    support = "unit"
    num_params = 1
    table: Tensor

    def __init__(self, event_shape: Sequence[int], levels: int | None, fit: str = "auto") -> None:
        super().__init__(event_shape, levels, fit)
        grey = levels is not None and levels > 2
        table = natural_table(levels - 1) if grey and levels else torch.zeros(4, 0)
        # Derived, so not in the checkpoint.
        self.register_buffer("table", table.to(torch.get_default_dtype()), persistent=False)

    def link(self, theta: Tensor) -> BernoulliRecord:
        """Take the one parameter as the logit."""
        logits, dims = theta.squeeze(-1 - len(self.event_shape)), len(self.event_shape)
        return BernoulliRecord(logits, dims, self.levels, self.grid, self.table)

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
        if logits.device.type != "cpu":
            return _cross_entropy_in_four(logits, x, event_dims)
        # All of 5 x 100 x 784 at once takes a third longer: each pass waits for memory.
        if logits.ndim <= x.ndim:
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


# torch's apply asks for it at each call, and would work it out anew.
_CrossEntropy.forward.__signature__ = inspect.signature(_CrossEntropy.forward)  # type: ignore[attr-defined]


def _cross_entropy_in_four(logits: Tensor, x: Tensor, event_dims: int) -> Tensor:
    """Return the same in four operators: on a GPU each is a kernel, and logarithms cost nothing.

    To the last bit of the logit: a pixel of logit l is off by up to ``2^-24 |l|`` nats.
    """
    cells = torch.addcmul(torch.nn.functional.softplus(logits), x, logits, value=-1)
    return -sum_event(cells, event_dims)


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
