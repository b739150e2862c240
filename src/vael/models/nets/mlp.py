"""Dense nets on the flattened input, for images and tables, both ways."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from vael.errors import ConfigError
from vael.models.nets.common import check_positive, find_activation, find_initialiser
from vael.types import Shape

# A net does not know on which side of the latent it stands.
WHERE = "model.encoder.{0} (or model.decoder.{0})"


class MLP(nn.Module):
    """``Linear, activation, ..., Linear`` on the flattened input.

    Args:
        in_shape: shape of one input.
        out_shape: shape of one output.
        hidden: widths of the hidden layers, at least one.
        activation: relu, silu, gelu, elu or tanh.
        output_gain: factor on the initial weights of the last layer; below 1 in a decoder, so
            that training starts at the centre of the likelihood's links.
        init: he or glorot, of the initial weights (`vael.models.nets.common.find_initialiser`).

    Shape:
        ``(N, *in_shape) -> (N, *out_shape)``.

    Raises:
        ConfigError: a width is not positive, there is none, or the activation or init is unknown.
    """

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        hidden: Sequence[int],
        activation: str = "relu",
        output_gain: float = 1.0,
        init: str = "he",
    ) -> None:
        super().__init__()
        start = find_initialiser(init, WHERE.format("init"))
        act = find_activation(activation, WHERE.format("activation"))
        widths = [check_positive(width, WHERE.format("hidden")) for width in hidden]
        if not widths:
            raise ConfigError(
                f"{WHERE.format('hidden')} must name at least one width, but got []: "
                "use model=linear_vae for an affine net."
            )
        layers: list[nn.Module] = []
        for width_in, width_out in pairwise([prod(in_shape), *widths]):
            layers += [start(nn.Linear(width_in, width_out)), act()]
        last = start(nn.Linear(widths[-1], prod(out_shape)), output_gain)
        self.out_shape = tuple(out_shape)
        self.layers = nn.Sequential(*layers, last)

    def forward(self, h: Tensor) -> Tensor:
        """Map h ``(N, *in_shape)`` to ``(N, *out_shape)``."""
        out: Tensor = self.layers(h.flatten(1))
        return out.reshape(-1, *self.out_shape)


class Affine(nn.Module):
    """``W h + b`` on the flattened input: with a Gaussian likelihood, probabilistic PCA.

    Tipping and Bishop 1999 (https://doi.org/10.1111/1467-9868.00196).

    Args:
        in_shape: shape of one input.
        out_shape: shape of one output.

    Shape:
        ``(N, *in_shape) -> (N, *out_shape)``.
    """

    def __init__(self, in_shape: Shape, out_shape: Shape) -> None:
        super().__init__()
        self.out_shape = tuple(out_shape)
        self.linear = nn.Linear(prod(in_shape), prod(out_shape))

    def forward(self, h: Tensor) -> Tensor:
        """Map h ``(N, *in_shape)`` to ``(N, *out_shape)``."""
        out: Tensor = self.linear(h.flatten(1))
        return out.reshape(-1, *self.out_shape)
