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

    A constructor that has an argument ``example_shape`` also gets E, the shape of one x.

    Example:
        ``p(z) = N(z; 0, 4 I)``; a diagonal normal posterior finds its KL to it in closed form.

        >>> import torch
        >>> from vael.models.posteriors.normal import NormalRecord
        >>> class Wide(Prior):
        ...     def forward(self, encode, context=None):
        ...         zero = torch.zeros(self.event_shape)
        ...         return NormalRecord(zero, zero + torch.tensor(2.0).log(), len(zero.shape))
        >>> p = Wide(event_shape=(2,))(encode=None)
        >>> q = NormalRecord(torch.zeros(3, 2), torch.zeros(3, 2))  # N(0, I), three times
        >>> q.kl(p)  # 2 (log 2 + 1/8 - 1/2), nats, (B,)
        tensor([0.6363, 0.6363, 0.6363])
    """

    def __init__(self, event_shape: Shape) -> None:
        super().__init__()
        self.event_shape = tuple(event_shape)

    @property
    def noise_shape(self) -> Shape:
        """The event shape of the standard normal noise that a sample takes: Z, if not more."""
        return self.event_shape

    @property
    def num_examples(self) -> int:
        """How many training examples ``initialise`` wants; 0: it is not called."""
        return 0

    def initialise(self, x: Tensor) -> None:
        """Start from ``num_examples`` training examples, as the model sees them."""

    @abstractmethod
    def forward(self, encode: Encode, context: Tensor | None = None) -> LatentRecord:
        """Return the record of p, with no leading dimensions, or ``(B,)`` given a context.

        The encoder comes at call time, for a prior that is a mixture of posteriors (VampPrior):
        one that stored it would put the encoder twice into every checkpoint.
        """
