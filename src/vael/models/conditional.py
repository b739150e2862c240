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

    Args:
        net: from h to the parameters; from h and c ``(N, C)`` where its attribute
            ``takes_context`` is true, and then it is ``p(. | h, c)``.
        family: of the distribution.
        in_shape: of one h.
    """

    def __init__(self, net: nn.Module, family: Family[Record_co], in_shape: Shape) -> None:
        super().__init__()
        self.net = net
        self.family = family
        self.in_shape = in_shape
        self.takes_context = bool(getattr(net, "takes_context", False))

    def forward(self, h: Tensor, context: Tensor | None = None) -> Record_co:
        """Return the record of the family at h, given c ``(B, C)`` where the net takes it."""
        lead = h.shape[: h.ndim - len(self.in_shape)]
        flat = h.reshape(-1, *self.in_shape)
        if self.takes_context:
            assert context is not None, "a conditional net needs a context"
            spread = context.expand(*lead, context.shape[-1])
            theta = self.net(flat, spread.reshape(flat.shape[0], -1))
        else:
            theta = self.net(flat)
        if theta.dtype in (torch.bfloat16, torch.float16):
            theta = theta.float()
        return self.family(theta.reshape(*lead, *self.family.theta_shape))
