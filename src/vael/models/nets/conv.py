"""Strided convolutions down to a small map and back, for images."""

from math import prod

from torch import nn

from vael.models.nets.common import (
    HIDDEN_GAIN,
    downsampling,
    he,
    pyramid_sizes,
    stage_channels,
    upsampling,
)
from vael.models.nets.pyramid import PyramidDecoder, PyramidEncoder
from vael.types import Shape


class ConvEncoder(PyramidEncoder):
    """``(Conv 4x4 stride 2, ReLU) per stage, Linear, ReLU, Linear``.

    ::

        (C, 28, 28) ──► (width, 14, 14) ──► (2 width, 7, 7) ──► hidden ──► out

    Args:
        in_shape: ``(C, H, W)``, sides of at least 8.
        out_shape: shape of one output.
        width: channels of the first stage; they double at each further one.
        max_width: the most channels that a stage may have.
        hidden: width of the dense layer between the smallest map and the latent.

    Shape:
        ``(N, C, H, W) -> (N, *out_shape)``.

    Raises:
        ConfigError: in_shape is no image or too small, or a width is not positive.
    """

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        width: int = 32,
        max_width: int = 256,
        hidden: int = 256,
    ) -> None:
        sizes = pyramid_sizes(in_shape, "conv_vae")
        widths = stage_channels(width, max_width, len(sizes) - 1, "model.encoder")
        stages: list[nn.Module] = []
        for c_in, c_out in zip([in_shape[0], *widths[:-1]], widths, strict=True):
            stages += [downsampling(c_in, c_out), nn.ReLU(inplace=True)]
        features = widths[-1] * prod(sizes[-1])
        super().__init__(nn.Sequential(*stages), features, hidden, out_shape)


class ConvDecoder(PyramidDecoder):
    """``Linear, ReLU, Linear, ReLU, (ConvTranspose 4x4 stride 2, ReLU) per stage``.

    Args:
        in_shape: shape of one input.
        out_shape: ``(P, C, H, W)``, P parameters for each value of an image with sides of at
            least 8; they are P * C channels of the last convolution.
        width: channels before the last convolution; they double at each stage above.
        max_width: the most channels that a stage may have.
        hidden: width of the dense layer between the smallest map and the latent.
        output_gain: factor on the initial weights of the last convolution; below 1, so that
            training starts at the centre of the likelihood's links.

    Shape:
        ``(N, *in_shape) -> (N, P, C, H, W)``.

    Raises:
        ConfigError: out_shape is no image or too small, or a width is not positive.
    """

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        width: int = 32,
        max_width: int = 256,
        hidden: int = 256,
        output_gain: float = 0.3,
    ) -> None:
        sizes = pyramid_sizes(tuple(out_shape[1:]), "conv_vae")[::-1]
        widths = stage_channels(width, max_width, len(sizes) - 1, "model.decoder")[::-1]
        super().__init__(in_shape, hidden, widths[0], sizes[0], HIDDEN_GAIN, out_shape)
        stages: list[nn.Module] = []
        for i, c_out in enumerate(widths[1:]):
            stages += [nn.ReLU(inplace=True), upsampling(widths[i], c_out, sizes[i], sizes[i + 1])]
        last = upsampling(widths[-1], out_shape[0] * out_shape[1], sizes[-2], sizes[-1])
        self.stages = nn.Sequential(*stages, nn.ReLU(inplace=True), he(last, output_gain))
