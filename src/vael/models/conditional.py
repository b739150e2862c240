"""Conditional distributions p(. | h): a network that emits the parameters of a family."""

from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from vael.types import Shape

Record_co = TypeVar("Record_co", covariant=True)


class Family(Protocol[Record_co]):
    """A distribution with its link: raw network outputs in, a record of tensors out."""

    @property
    def theta_shape(self) -> Shape:
        """What a network must emit for one example."""
        ...

    def __call__(self, theta: Tensor) -> Record_co:
        """Map theta ``(*, *theta_shape)`` to a record with leading dimensions ``*``."""
        ...


class Conditional(nn.Module, Generic[Record_co]):
    """``p(. | h) = family(net(h))``.

    Shape:
        h: ``(*lead, *in_shape)``; the leading dimensions are folded into one for the net, whose
        outputs become a record with leading dimensions ``lead``. Parameters below float32
        (autocast) are raised to float32, so that densities are always reduced in full precision.
    """

    def __init__(self, net: nn.Module, family: Family[Record_co], in_shape: Shape) -> None:
        super().__init__()
        self.net = net
        self.family = family
        self.in_shape = in_shape

    def forward(self, h: Tensor) -> Record_co:
        """Return the record of the family at h."""
        lead = h.shape[: h.ndim - len(self.in_shape)]
        theta = self.net(h.reshape(-1, *self.in_shape))
        if theta.dtype in (torch.bfloat16, torch.float16):
            theta = theta.float()
        return self.family(theta.reshape(*lead, *self.family.theta_shape))
