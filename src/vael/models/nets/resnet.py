"""Residual nets down to a small map and back, for images."""

import math

from torch import Tensor, nn

from vael.models.nets.common import check_positive, he
from vael.models.nets.pyramid import PyramidDecoder, PyramidEncoder, Style
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
            group_norm(width),
            nn.SiLU(),
            he(nn.Conv2d(width, width, 3, padding=1)),
            group_norm(width),
            nn.SiLU(),
            he(nn.Conv2d(width, width, 3, padding=1), gain),
        )

    def forward(self, h: Tensor) -> Tensor:
        """Map h ``(N, width, H, W)`` to the same shape."""
        out: Tensor = h + self.branch(h)
        return out


class ResNetEncoder(PyramidEncoder):
    """``(Conv 4x4 stride 2, residual blocks) per stage, Norm, SiLU, dense``.

    Arguments, shapes and errors are those of ``PyramidEncoder``.

    Args:
        blocks: residual blocks of each stage.
    """

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        width: int = 32,
        max_width: int = 256,
        hidden: int = 256,
        blocks: int = 1,
        context_size: int = 0,
    ) -> None:
        style = residual_style(blocks, "model.encoder.blocks")
        super().__init__(in_shape, out_shape, width, max_width, hidden, style, context_size)


class ResNetDecoder(PyramidDecoder):
    """``Dense, (residual blocks, ConvTranspose 4x4 stride 2) per stage``: the encoder backwards.

    Arguments, shapes and errors are those of ``PyramidDecoder``.

    Args:
        blocks: residual blocks of each stage.
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
        context_size: int = 0,
    ) -> None:
        style = residual_style(blocks, "model.decoder.blocks")
        super().__init__(
            in_shape, out_shape, width, max_width, hidden, output_gain, style, context_size
        )


def group_norm(width: int) -> nn.GroupNorm:
    """Return a group norm of up to 8 groups."""
    return nn.GroupNorm(math.gcd(width, 8), width)


def residual_style(blocks: int, where: str) -> Style:
    """Make stages of residual blocks; all branches of a net together add a variance of about 1."""
    check_positive(blocks, where)

    def stage(width: int, stages: int) -> list[nn.Module]:
        return [ResidualBlock(width, 1 / math.sqrt(blocks * stages)) for _ in range(blocks)]

    return Style("resnet_vae", stage, lambda width: [group_norm(width), nn.SiLU()], 1.0)
