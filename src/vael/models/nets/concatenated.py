"""A net of a vector that is given c behind its own input."""

import torch
from torch import Tensor, nn


class Concatenated(nn.Module):
    """``net([h, c])``: how a dense net is conditioned.

    Args:
        net: of a vector ``(prod(in_shape) + C,)``.

    Shape:
        h ``(N, *in_shape)`` and c ``(N, C)`` -> what the net makes of it.
    """

    takes_context = True

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, h: Tensor, context: Tensor) -> Tensor:
        """Flatten h, join c to it, and apply the net."""
        found: Tensor = self.net(torch.cat([h.flatten(1), context], 1))
        return found
