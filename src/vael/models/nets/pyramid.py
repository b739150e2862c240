"""Nets over a pyramid of maps: from the smallest map to a vector, and back."""

from math import prod

from torch import Tensor, nn

from vael.models.nets.common import Size, dense_layers
from vael.types import Shape


class PyramidEncoder(nn.Module):
    """The stages, then the dense head.

    Args:
        stages: from an image down to the smallest map.
        features: size of the smallest map, channels and all.
        hidden: width of the dense layer between the smallest map and the latent.
        out_shape: shape of one output.

    Shape:
        ``(N, C, H, W) -> (N, *out_shape)``.
    """

    def __init__(
        self, stages: nn.Sequential, features: int, hidden: int, out_shape: Shape
    ) -> None:
        super().__init__()
        self.out_shape = tuple(out_shape)
        self.stages = stages
        self.head = dense_layers(features, hidden, prod(out_shape), 1.0, "model.encoder")

    def forward(self, x: Tensor) -> Tensor:
        """Map x ``(N, C, H, W)`` to ``(N, *out_shape)``."""
        out: Tensor = self.head(self.stages(x).flatten(1))
        return out.reshape(-1, *self.out_shape)


class PyramidDecoder(nn.Module):
    """The dense foot, then ``stages``, which a subclass sets.

    Args:
        in_shape: shape of one input.
        hidden: width of the dense layer between the latent and the smallest map.
        channels: of the smallest map.
        size: of the smallest map.
        gain: of the foot's last layer.
        out_shape: ``(P, C, H, W)``, P parameters for each value of an image.

    Shape:
        ``(N, *in_shape) -> (N, P, C, H, W)``.
    """

    stages: nn.Sequential

    def __init__(
        self,
        in_shape: Shape,
        hidden: int,
        channels: int,
        size: Size,
        gain: float,
        out_shape: Shape,
    ) -> None:
        super().__init__()
        self.out_shape = tuple(out_shape)
        self.start_shape = (channels, *size)
        self.foot = dense_layers(
            prod(in_shape), hidden, prod(self.start_shape), gain, "model.decoder"
        )

    def forward(self, h: Tensor) -> Tensor:
        """Map h ``(N, *in_shape)`` to ``(N, P, C, H, W)``."""
        out: Tensor = self.stages(self.foot(h.flatten(1)).reshape(-1, *self.start_shape))
        return out.reshape(-1, *self.out_shape)
