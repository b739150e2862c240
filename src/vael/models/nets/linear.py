"""An affine map, for the linear-Gaussian VAE."""

from math import prod

from torch import Tensor, nn

from vael.types import Shape


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
