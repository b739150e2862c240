"""Networks, ``(N, *in_shape) -> (N, *out_shape)``."""

from vael.models.nets.conv import ConvDecoder, ConvEncoder
from vael.models.nets.linear import Affine
from vael.models.nets.mlp import MLP
from vael.models.nets.resnet import ResNetDecoder, ResNetEncoder

__all__ = ["MLP", "Affine", "ConvDecoder", "ConvEncoder", "ResNetDecoder", "ResNetEncoder"]
