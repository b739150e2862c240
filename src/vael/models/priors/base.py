"""The contract of a prior."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor, nn

from vael.models.trace import LatentRecord
from vael.types import Shape

Encode = Callable[[Tensor], LatentRecord]


class Prior(nn.Module, ABC):
    """p(z), or p(z | context).

    Args:
        event_shape: Z, the shape of one latent.
    """

    def __init__(self, event_shape: Shape) -> None:
        super().__init__()
        self.event_shape = tuple(event_shape)

    @abstractmethod
    def forward(self, encode: Encode, context: Tensor | None = None) -> LatentRecord:
        """The record of p, with no leading dimensions, or ``(B,)`` where there is a context.

        The encoder comes at call time, for a prior that is a mixture of posteriors (VampPrior):
        one that stored it would put the encoder twice into every checkpoint.
        """
