"""Nets over a pyramid of maps: an image down to the smallest map and a vector, and back."""

from collections.abc import Callable
from itertools import pairwise
from math import prod
from typing import NamedTuple

from torch import Tensor, nn

from vael.models.nets.common import (
    dense_layers,
    downsampling,
    he,
    pyramid_sizes,
    stage_channels,
    upsampling,
)
from vael.types import Shape


class Style(NamedTuple):
    """What stands between the convolutions that halve and double the maps.

    Attributes:
        model: the config group option, for errors.
        stage: the layers behind each halving, or before each doubling, of (width, stages).
        end: the layers next to the dense head, or before the last convolution, of (width).
        foot_gain: factor on the initial weights of the layer before the smallest map.
    """

    model: str
    stage: Callable[[int, int], list[nn.Module]]
    end: Callable[[int], list[nn.Module]]
    foot_gain: float


class PyramidEncoder(nn.Module):
    """``(Conv 4x4 stride 2, stage) per map, end, Linear, ReLU, Linear``.

    Args:
        in_shape: ``(C, H, W)``, sides of at least 8.
        out_shape: shape of one output.
        width: channels of the first stage; they double at each further one.
        max_width: the most channels that a stage may have.
        hidden: width of the dense layer between the smallest map and the latent.
        style: what the stages are made of, of the subclass.

    Shape:
        ``(N, C, H, W) -> (N, *out_shape)``.

    Raises:
        ConfigError: in_shape is no image or too small, or an option is not positive.
    """

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        width: int,
        max_width: int,
        hidden: int,
        style: Style,
    ) -> None:
        super().__init__()
        sizes = pyramid_sizes(in_shape, style.model)
        widths = stage_channels(width, max_width, len(sizes) - 1, "model.encoder")
        stages: list[nn.Module] = []
        for c_in, c_out in pairwise([in_shape[0], *widths]):
            stages += [downsampling(c_in, c_out), *style.stage(c_out, len(widths))]
        self.out_shape = tuple(out_shape)
        self.stages = nn.Sequential(*stages, *style.end(widths[-1]))
        features = widths[-1] * prod(sizes[-1])
        self.head = dense_layers(features, hidden, prod(out_shape), 1.0, "model.encoder")

    def forward(self, x: Tensor) -> Tensor:
        """Map x ``(N, C, H, W)`` to ``(N, *out_shape)``."""
        out: Tensor = self.head(self.stages(x).flatten(1))
        return out.reshape(-1, *self.out_shape)


class PyramidDecoder(nn.Module):
    """``Linear, ReLU, Linear, (stage, ConvTranspose 4x4 stride 2) per map``.

    Args:
        in_shape: shape of one input.
        out_shape: ``(P, C, H, W)``, P parameters for each value of an image with sides of at
            least 8; they are P * C channels of the last convolution.
        width: channels before the last convolution; they double at each stage above.
        max_width: the most channels that a stage may have.
        hidden: width of the dense layer between the latent and the smallest map.
        output_gain: factor on the initial weights of the last convolution; below 1, so that
            training starts at the centre of the likelihood's links.
        style: what the stages are made of, of the subclass.

    Shape:
        ``(N, *in_shape) -> (N, P, C, H, W)``.

    Raises:
        ConfigError: out_shape is no image or too small, or an option is not positive.
    """

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        width: int,
        max_width: int,
        hidden: int,
        output_gain: float,
        style: Style,
    ) -> None:
        super().__init__()
        sizes = pyramid_sizes(tuple(out_shape[1:]), style.model)[::-1]
        widths = stage_channels(width, max_width, len(sizes) - 1, "model.decoder")[::-1]
        self.out_shape = tuple(out_shape)
        self.start_shape = (widths[0], *sizes[0])
        features = prod(self.start_shape)
        self.foot = dense_layers(
            prod(in_shape), hidden, features, style.foot_gain, "model.decoder"
        )
        stages: list[nn.Module] = []
        ends = pairwise([*widths, out_shape[0] * out_shape[1]])
        for (c_in, c_out), (size, target) in zip(ends, pairwise(sizes), strict=True):
            stages += style.stage(c_in, len(widths))
            last = upsampling(c_in, c_out, size, target)
            stages.append(last)
        stages[-1:] = [*style.end(widths[-1]), he(last, output_gain)]
        self.stages = nn.Sequential(*stages)

    def forward(self, h: Tensor) -> Tensor:
        """Map h ``(N, *in_shape)`` to ``(N, P, C, H, W)``."""
        out: Tensor = self.stages(self.foot(h.flatten(1)).reshape(-1, *self.start_shape))
        return out.reshape(-1, *self.out_shape)
