"""Nets over a pyramid of maps: an image down to the smallest map and a vector, and back."""

from collections.abc import Callable
from itertools import pairwise
from math import prod
from typing import NamedTuple

from torch import Tensor, nn

from vael.models.nets.common import (
    dense_layers,
    downsampling,
    find_foot,
    he,
    map_layers,
    pyramid_sizes,
    stage_channels,
    upsampling,
)
from vael.models.nets.modulation import apply_modulated, make_modulations
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

    For a latent that is a map, ``Conv 3x3, ReLU, Conv 1x1`` take the place of the dense layers,
    and the stages end at its size.

    Args:
        in_shape: ``(C, H, W)``, sides of at least 8.
        out_shape: shape of one output; ``(..., h, w)`` of three or more dimensions is that of
            maps, whose channels are all that comes before.
        width: channels of the first stage; they double at each further one.
        max_width: the most channels that a stage may have.
        hidden: width of the dense layer, or channels, between the smallest map and the latent.
        style: what the stages are made of, of the subclass.
        context_size: C, numbers of a context that modulates each stage and the hidden layer; 0:
            there is none.

    Shape:
        ``(N, C, H, W) -> (N, *out_shape)``; with a context ``(N, C)`` beside it.

    Raises:
        ConfigError: in_shape is no image or too small, no halvings lead to the size of out_shape,
            or an option is not positive.
    """

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        width: int,
        max_width: int,
        hidden: int,
        style: Style,
        context_size: int = 0,
    ) -> None:
        super().__init__()
        foot = find_foot(out_shape)
        sizes = pyramid_sizes(in_shape, style.model, foot)
        widths = stage_channels(width, max_width, len(sizes) - 1, "model.encoder")
        stages: list[nn.Module] = []
        starts: dict[int, int] = {}
        for c_in, c_out in pairwise([in_shape[0], *widths]):
            stages.append(downsampling(c_in, c_out))
            starts[len(stages)] = c_out
            stages += style.stage(c_out, len(widths))
        self.out_shape = tuple(out_shape)
        self.stages = nn.Sequential(*stages, *style.end(widths[-1]))
        self.has_map = foot is not None
        where = "model.encoder"
        if self.has_map:
            channels = prod(out_shape[:-2])
            self.head = map_layers(widths[-1], hidden, channels, 1.0, where, (3, 1))
        else:
            features = widths[-1] * prod(sizes[-1])
            self.head = dense_layers(features, hidden, prod(out_shape), 1.0, where)
        self.takes_context = context_size > 0
        self.modulations = make_modulations(context_size, starts)
        self.of_hidden = make_modulations(context_size, {1: hidden})

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Map x ``(N, C, H, W)`` to ``(N, *out_shape)``."""
        h = apply_modulated(self.stages, self.modulations, x, context)
        h = h if self.has_map else h.flatten(1)
        out = apply_modulated(self.head, self.of_hidden, h, context)
        return out.reshape(-1, *self.out_shape)


class PyramidDecoder(nn.Module):
    """``Linear, ReLU, Linear, (stage, ConvTranspose 4x4 stride 2) per map``.

    For a latent that is a map, ``Conv 1x1, ReLU, Conv 3x3`` take the place of the dense layers,
    and the stages start at its size.

    Args:
        in_shape: shape of one input; ``(..., h, w)`` of three or more dimensions is that of maps.
        out_shape: ``(P, C, H, W)``, P parameters for each value of an image with sides of at
            least 8; they are P * C channels of the last convolution.
        width: channels before the last convolution; they double at each stage above.
        max_width: the most channels that a stage may have.
        hidden: width of the dense layer, or channels, between the latent and the smallest map.
        output_gain: factor on the initial weights of the last convolution; below 1, so that
            training starts at the centre of the likelihood's links.
        style: what the stages are made of, of the subclass.
        context_size: C, numbers of a context that modulates each stage and the hidden layer; 0:
            there is none.

    Shape:
        ``(N, *in_shape) -> (N, P, C, H, W)``; with a context ``(N, C)`` beside it.

    Raises:
        ConfigError: out_shape is no image or too small, no halvings lead to the size of in_shape,
            or an option is not positive.
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
        context_size: int = 0,
    ) -> None:
        super().__init__()
        foot = find_foot(in_shape)
        sizes = pyramid_sizes(tuple(out_shape[1:]), style.model, foot)[::-1]
        widths = stage_channels(width, max_width, len(sizes) - 1, "model.decoder")[::-1]
        self.out_shape = tuple(out_shape)
        self.start_shape = (widths[0], *sizes[0])
        self.has_map = foot is not None
        where, gain = "model.decoder", style.foot_gain
        if self.has_map:
            self.foot = map_layers(prod(in_shape[:-2]), hidden, widths[0], gain, where, (1, 3))
        else:
            features = prod(self.start_shape)
            self.foot = dense_layers(prod(in_shape), hidden, features, gain, where)
        stages: list[nn.Module] = []
        starts: dict[int, int] = {}
        ends = pairwise([*widths, out_shape[0] * out_shape[1]])
        for (c_in, c_out), (size, target) in zip(ends, pairwise(sizes), strict=True):
            starts[len(stages)] = c_in
            stages += style.stage(c_in, len(widths))
            last = upsampling(c_in, c_out, size, target)
            stages.append(last)
        stages[-1:] = [*style.end(widths[-1]), he(last, output_gain)]
        self.stages = nn.Sequential(*stages)
        self.takes_context = context_size > 0
        self.modulations = make_modulations(context_size, starts)
        self.of_hidden = make_modulations(context_size, {1: hidden})

    def forward(self, h: Tensor, context: Tensor | None = None) -> Tensor:
        """Map h ``(N, *in_shape)`` to ``(N, P, C, H, W)``."""
        h = h.flatten(1, -3) if self.has_map else h.flatten(1)
        start = apply_modulated(self.foot, self.of_hidden, h, context)
        maps = start.reshape(-1, *self.start_shape)
        out = apply_modulated(self.stages, self.modulations, maps, context)
        return out.reshape(-1, *self.out_shape)
