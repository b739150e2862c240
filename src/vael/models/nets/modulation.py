"""Feature-wise modulation: how a convolutional net is conditioned."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Modulation(nn.Module):
    """``(1 + gamma(c)) h + beta(c)``, gamma and beta of each channel affine in c.

    FiLM (Perez et al. 2018, https://arxiv.org/abs/1709.07871). Both are 0 at the start.

    Args:
        context_size: C.
        channels: of the maps, or numbers of the vectors.

    Shape:
        h ``(N, channels, *)`` and c ``(N, C)`` -> the shape of h.
    """

    def __init__(self, context_size: int, channels: int) -> None:
        super().__init__()
        self.net = nn.Linear(context_size, 2 * channels)
        nn.init.zeros_(self.net.weight)
        nn.init.zeros_(self.net.bias)

    def forward(self, h: Tensor, context: Tensor) -> Tensor:
        """Scale and shift each channel."""
        theta = self.net(context)
        gamma, beta = theta.reshape(*theta.shape, *[1] * (h.ndim - 2)).chunk(2, 1)
        return torch.addcmul(h + beta, h, gamma)


def make_modulations(context_size: int, channels: Mapping[int, int]) -> nn.ModuleDict:
    """Return a modulation before each of these layers of a sequence; none without a context.

    Args:
        context_size: C; 0: nothing is told.
        channels: of what comes to a layer, by its number.
    """
    told = channels.items() if context_size else ()
    return nn.ModuleDict({str(at): Modulation(context_size, width) for at, width in told})


def apply_modulated(
    layers: nn.Sequential, modulations: nn.ModuleDict, h: Tensor, context: Tensor | None
) -> Tensor:
    """Apply a sequence of layers to h ``(N, channels, *)``, modulated where c is given."""
    if context is None:
        found: Tensor = layers(h)
        return found
    for number, layer in enumerate(layers):
        if str(number) in modulations:
            h = modulations[str(number)](h, context)
        h = layer(h)
    return h
