"""Strided convolutions down to a small map and back, for images."""

from torch import nn

from vael.models.nets.common import HIDDEN_GAIN
from vael.models.nets.pyramid import PyramidDecoder, PyramidEncoder, Style
from vael.types import Shape

STYLE = Style("conv_vae", lambda *_: [nn.ReLU(inplace=True)], lambda _: [], HIDDEN_GAIN)


class ConvEncoder(PyramidEncoder):
    """``(Conv 4x4 stride 2, ReLU) per stage, Linear, ReLU, Linear``.

    ::

        (C, 28, 28) ──► (width, 14, 14) ──► (2 width, 7, 7) ──► hidden ──► out

    Arguments, shapes and errors are those of ``PyramidEncoder``.
    """

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        width: int = 32,
        max_width: int = 256,
        hidden: int = 256,
        context_size: int = 0,
    ) -> None:
        super().__init__(in_shape, out_shape, width, max_width, hidden, STYLE, context_size)


class ConvDecoder(PyramidDecoder):
    """``Linear, ReLU, Linear, ReLU, (ConvTranspose 4x4 stride 2, ReLU) per stage``.

    Arguments, shapes and errors are those of ``PyramidDecoder``.
    """

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        width: int = 32,
        max_width: int = 256,
        hidden: int = 256,
        output_gain: float = 0.3,
        context_size: int = 0,
    ) -> None:
        super().__init__(
            in_shape, out_shape, width, max_width, hidden, output_gain, STYLE, context_size
        )
