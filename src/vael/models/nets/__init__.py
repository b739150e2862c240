"""Networks, ``(N, *in_shape) -> (N, *out_shape)``.

A net of one's own is a torch module that takes both shapes, and its own options after them:

>>> from math import prod
>>> import torch
>>> from torch import nn
>>> class OneLayer(nn.Module):
...     def __init__(self, in_shape, out_shape, slope=0.1):
...         super().__init__()
...         self.out_shape = out_shape
...         self.layer = nn.Linear(prod(in_shape), prod(out_shape))
...         self.rectify = nn.LeakyReLU(slope)
...     def forward(self, h):
...         return self.rectify(self.layer(h.flatten(1))).reshape(-1, *self.out_shape)
>>> OneLayer(in_shape=(1, 8, 8), out_shape=(2, 5))(torch.zeros(3, 1, 8, 8)).shape
torch.Size([3, 2, 5])
"""

from vael.models.nets.conv import ConvDecoder, ConvEncoder
from vael.models.nets.mlp import MLP, Affine
from vael.models.nets.resnet import ResNetDecoder, ResNetEncoder
from vael.models.nets.tcn import TCNDecoder, TCNEncoder

__all__ = [
    "MLP",
    "Affine",
    "ConvDecoder",
    "ConvEncoder",
    "ResNetDecoder",
    "ResNetEncoder",
    "TCNDecoder",
    "TCNEncoder",
]
