"""The standard normal prior."""

import torch
from torch import Tensor

from vael.models.posteriors.normal import StandardNormalRecord
from vael.models.priors.base import Encode, Prior
from vael.types import Shape


class StandardNormal(Prior):
    """``p(z) = N(z; 0, I)``.

    Args:
        event_shape: Z, the shape of one latent.
    """

    zero: Tensor

    def __init__(self, event_shape: Shape) -> None:
        super().__init__(event_shape)
        # A buffer follows the module's device and dtype; there is nothing to put in a checkpoint.
        self.register_buffer("zero", torch.zeros(self.event_shape), persistent=False)

    def forward(self, encode: Encode, context: Tensor | None = None) -> StandardNormalRecord:
        """Return the record of p, without leading dimensions; neither argument is used."""
        return StandardNormalRecord(self.zero, self.zero, len(self.event_shape))
