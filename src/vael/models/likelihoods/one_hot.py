"""One categorical variable as columns of 0 and 1, of which one is 1."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vael.models.likelihoods.base import Likelihood, at_least_float32


@dataclass(frozen=True)
class OneHotRecord:
    """A free probability for each of the K columns.

    Attributes:
        logits: ``(*lead, K)``.
    """

    logits: Tensor

    def log_prob(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return log softmax of the column that is 1, of x ``(B, K)``, nats, ``(S, B)``."""
        terms = at_least_float32(x) * self.logits.log_softmax(-1)
        return (terms if mask is None else torch.where(mask, terms, 0)).sum(-1)

    log_mass = log_prob  # there is no density

    @property
    def mean(self) -> Tensor:
        """The probabilities, ``(*lead, K)``."""
        return self.logits.softmax(-1)

    def sample(self, noise: Tensor) -> Tensor:
        """Draw columns of 0 and 1 from uniform noise ``(*lead, K)``, of which the first counts."""
        ends = self.mean.cumsum(-1)
        number = (noise[..., :1] * ends[..., -1:] >= ends).sum(-1)
        last = self.logits.shape[-1] - 1
        return torch.nn.functional.one_hot(number.clamp(max=last), last + 1).to(self.logits)


class OneHot(Likelihood[OneHotRecord]):
    """Categorical likelihood of one variable in K columns, for ``likelihood=mixed``.

    Args:
        event_shape: ``(K,)``.

    Shape:
        theta: ``(*lead, 1, K)``, logits.
    """

    support = "real"
    num_params = 1

    def __init__(self, event_shape: Sequence[int]) -> None:
        super().__init__(event_shape, None)

    def link(self, theta: Tensor) -> OneHotRecord:
        """Take the parameters as logits."""
        return OneHotRecord(theta.squeeze(-2))

    def at_bound(self, px: OneHotRecord) -> Tensor:
        """Return 0: there is no scale."""
        return px.logits.new_zeros(())
