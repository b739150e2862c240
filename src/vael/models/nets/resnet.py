"""Residual nets down to a small map and back, for images."""

import math
from math import prod

from torch import Tensor, nn

from vael.models.nets.common import (
    check_positive,
    downsampling,
    he,
    pyramid_sizes,
    stage_channels,
    upsampling,
)
from vael.models.nets.pyramid import PyramidDecoder, PyramidEncoder
from vael.types import Shape


class ResidualBlock(nn.Module):
    """``h + Conv(SiLU(Norm(Conv(SiLU(Norm(h))))))``, 3x3.

    Pre-activation: He et al. 2016 (https://arxiv.org/abs/1603.05027). The norm is over groups of
    channels of one example (Wu and He 2018): a norm over the batch would couple the examples,
    and the rate of one would depend on the others.

    Args:
        width: channels in and out.
        gain: factor on the initial weights of the second convolution.
    """

    def __init__(self, width: int, gain: float) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            norm(width),
            nn.SiLU(),
            he(nn.Conv2d(width, width, 3, padding=1)),
            norm(width),
            nn.SiLU(),
            he(nn.Conv2d(width, width, 3, padding=1), gain),
        )

    def forward(self, h: Tensor) -> Tensor:
        """Map h ``(N, width, H, W)`` to the same shape."""
        out: Tensor = h + self.branch(h)
        return out


class ResNetEncoder(PyramidEncoder):
    """``(Conv 4x4 stride 2, residual blocks) per stage, Norm, SiLU, dense``.

    Args:
        in_shape: ``(C, H, W)``, sides of at least 8.
        out_shape: shape of one output.
        width: channels of the first stage; they double at each further one.
        max_width: the most channels that a stage may have.
        hidden: width of the dense layer between the smallest map and the latent.
        blocks: residual blocks of each stage.

    Shape:
        ``(N, C, H, W) -> (N, *out_shape)``.

    Raises:
        ConfigError: in_shape is no image or too small, or an option is not positive.
    """

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        width: int = 32,
        max_width: int = 256,
        hidden: int = 256,
        blocks: int = 1,
    ) -> None:
        sizes = pyramid_sizes(in_shape, "resnet_vae")
        widths = stage_channels(width, max_width, len(sizes) - 1, "model.encoder")
        check_positive(blocks, "model.encoder.blocks")
        stages: list[nn.Module] = []
        for c_in, c_out in zip([in_shape[0], *widths[:-1]], widths, strict=True):
            stages += [downsampling(c_in, c_out), *residual(c_out, blocks, len(widths))]
        features = widths[-1] * prod(sizes[-1])
        stages += [norm(widths[-1]), nn.SiLU()]
        super().__init__(nn.Sequential(*stages), features, hidden, out_shape)


class ResNetDecoder(PyramidDecoder):
    """``Dense, (residual blocks, ConvTranspose 4x4 stride 2) per stage``: the encoder backwards.

    Args:
        in_shape: shape of one input.
        out_shape: ``(P, C, H, W)``, P parameters for each value of an image with sides of at
            least 8; they are P * C channels of the last convolution.
        width: channels before the last convolution; they double at each stage above.
        max_width: the most channels that a stage may have.
        hidden: width of the dense layer between the smallest map and the latent.
        blocks: residual blocks of each stage.
        output_gain: factor on the initial weights of the last convolution; below 1, so that
            training starts at the centre of the likelihood's links.

    Shape:
        ``(N, *in_shape) -> (N, P, C, H, W)``.

    Raises:
        ConfigError: out_shape is no image or too small, or an option is not positive.
    """

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        width: int = 32,
        max_width: int = 256,
        hidden: int = 256,
        blocks: int = 1,
        output_gain: float = 0.3,
    ) -> None:
        sizes = pyramid_sizes(tuple(out_shape[1:]), "resnet_vae")[::-1]
        widths = stage_channels(width, max_width, len(sizes) - 1, "model.decoder")[::-1]
        check_positive(blocks, "model.decoder.blocks")
        super().__init__(in_shape, hidden, widths[0], sizes[0], 1.0, out_shape)
        stages: list[nn.Module] = []
        for i, c_out in enumerate(widths[1:]):
            stages += residual(widths[i], blocks, len(widths))
            stages += [upsampling(widths[i], c_out, sizes[i], sizes[i + 1])]
        stages += residual(widths[-1], blocks, len(widths))
        last = upsampling(widths[-1], out_shape[0] * out_shape[1], sizes[-2], sizes[-1])
        self.stages = nn.Sequential(*stages, norm(widths[-1]), nn.SiLU(), he(last, output_gain))


def norm(width: int) -> nn.GroupNorm:
    """Return a group norm of up to 8 groups."""
    return nn.GroupNorm(math.gcd(width, 8), width)


def residual(width: int, blocks: int, stages: int) -> list[nn.Module]:
    """Return the blocks of one stage; all branches of a net add a variance of about 1."""
    return [ResidualBlock(width, 1 / math.sqrt(blocks * stages)) for _ in range(blocks)]
