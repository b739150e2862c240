"""The categorical likelihood: one logit for each level of each dimension."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vael.errors import ConfigError
from vael.models.likelihoods.base import Likelihood, at_least_float32, native_levels, sum_event

MOST_LEVELS = 1024


@dataclass(frozen=True)
class CategoricalRecord:
    """A free probability for each level in each dimension.

    Attributes:
        logits: ``(*lead, levels, *E)``, up to a constant for each dimension.
        axis: of the levels, from the end.
        event_dims: number of dimensions of ``E``.
    """

    logits: Tensor
    axis: int
    event_dims: int

    def log_mass(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return ``sum log softmax(logits)[k]``, k = (levels - 1) x, nats, ``(S, B)``."""
        # In place of the levels' own axis: moving it copies the largest tensor of the model.
        log_p = self.logits.log_softmax(self.axis)
        k = (at_least_float32(x) * (log_p.shape[self.axis] - 1)).round().long()
        k, _ = torch.broadcast_tensors(k, log_p.select(self.axis, 0))  # type: ignore[no-untyped-call]
        terms = torch.take_along_dim(log_p, k.unsqueeze(self.axis), self.axis)
        return sum_event(terms.squeeze(self.axis), self.event_dims, mask)

    log_prob = log_mass  # there is no density

    @property
    def mean(self) -> Tensor:
        """E[x] = sum_k P(k) k / (levels - 1), ``(*lead, *E)``."""
        p = self.logits.softmax(self.axis).movedim(self.axis, -1)
        levels = p.shape[-1]
        # Not a matrix product: autocast would take it in bfloat16.
        grid = torch.arange(levels, dtype=p.dtype, device=p.device) / (levels - 1)
        return (p * grid).sum(-1)

    def sample(self, noise: Tensor) -> Tensor:
        """Draw x on the grid of the levels from uniform noise, by the inverse cdf."""
        noise = at_least_float32(noise)
        cdf = self.logits.softmax(self.axis).cumsum(self.axis).movedim(self.axis, -1)
        # Between 0 and the rounded total, both excluded: never a level of probability 0.
        u = noise.clamp(min=torch.finfo(noise.dtype).eps / 4) * cdf[..., -1]
        return (cdf < u.unsqueeze(-1)).sum(-1).to(cdf.dtype) / (cdf.shape[-1] - 1)


class Categorical(Likelihood[CategoricalRecord]):
    """Categorical likelihood, ``P(k) = softmax_k(logits)``, with as many ways as levels.

    It can be any distribution over the levels and knows nothing of their order. The decoder emits
    ``levels`` numbers for each dimension: 256 levels cost 256 times the memory of a Gaussian.

    Arguments are those of ``Likelihood``; fit is ``mass`` or ``auto``.

    Shape:
        theta: ``(*lead, levels, *E)``.

    Raises:
        ConfigError: data without levels or with more than 1,024, or ``fit=density``.
    """

    support = "unit"

    def __init__(self, event_shape: Sequence[int], levels: int | None, fit: str = "auto") -> None:
        ways = native_levels("categorical", levels, fit)
        if ways > MOST_LEVELS:
            raise ConfigError(
                f"likelihood=categorical emits a number for each level of each dimension, at most "
                f"{MOST_LEVELS}, but this data has {ways} levels: use likelihood=logistic_mixture "
                "or gaussian, or data.levels=256."
            )
        super().__init__(event_shape, levels, fit)
        self.num_params = ways

    def link(self, theta: Tensor) -> CategoricalRecord:
        """Take the parameters as the logits."""
        dims = len(self.event_shape)
        return CategoricalRecord(theta, -1 - dims, dims)

    def at_bound(self, px: CategoricalRecord) -> Tensor:
        """Return 0: there is no scale."""
        return px.logits.new_zeros(())
