"""Temporal convolution nets, for series."""

import math
from math import prod

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from vael.errors import ConfigError
from vael.models.nets.common import check_positive, dense_layers, he
from vael.models.nets.modulation import apply_modulated, make_modulations
from vael.types import Shape

KERNEL = 3
WAVES = 8  # of a step's place: periods of 4, 8, ..., 512 steps


class TemporalBlock(nn.Module):
    """``h + Conv(SiLU(Conv(SiLU(h))))`` with kernels of 3 steps, ``dilation`` apart.

    Bai et al. 2018 (https://arxiv.org/abs/1803.01271), without a norm: one over the steps would
    let the padding of a short series in.

    Args:
        width: channels in and out.
        dilation: between the steps that a kernel sees.
        causal: whether a step sees none that come after it; else it stands in the middle.
        gain: factor on the initial weights of the second convolution.
    """

    def __init__(self, width: int, dilation: int, causal: bool, gain: float) -> None:
        super().__init__()
        reach = (KERNEL - 1) * dilation
        self.reach = (reach, 0) if causal else (reach // 2, reach // 2)
        self.first = he(nn.Conv1d(width, width, KERNEL, dilation=dilation))
        self.last = he(nn.Conv1d(width, width, KERNEL, dilation=dilation), gain)

    def forward(self, h: Tensor, there: Tensor | None) -> Tensor:
        """Map h ``(N, width, T)`` to the same shape; 0 where ``there`` ``(N, 1, T)`` is 0."""
        branch = self.first(pad(nn.functional.silu(h), self.reach))
        if there is not None:
            branch = branch * there
        h = h + self.last(pad(nn.functional.silu(branch), self.reach))
        return h if there is None else h * there


class TCNEncoder(nn.Module):
    """``Conv 1x1 (with the place in time), residual blocks, mean and maximum over time, dense``.

    A series ends at its last step that is not 0 in all channels; what stands behind has no part
    in anything: a padded series and the series alone give the same. Missing values are 0, and
    with ``model.encode_mask=true`` their mask is further channels, so that the end is exact.

    Args:
        in_shape: ``(C, T)``.
        out_shape: shape of one output.
        width: channels.
        blocks: residual blocks; their dilations are 1, 2, 4, ...
        hidden: width of the dense layer next to the latent.
        context_size: C, numbers of a context that modulates each block and the hidden layer; 0:
            there is none.

    Shape:
        ``(N, C, T) -> (N, *out_shape)``; with a context ``(N, C)`` beside it.

    Raises:
        ConfigError: in_shape is no series, or an option is not positive.
    """

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        width: int = 64,
        blocks: int = 4,
        hidden: int = 128,
        context_size: int = 0,
    ) -> None:
        super().__init__()
        channels, _ = check_series(in_shape)
        self.out_shape = tuple(out_shape)
        self.start = he(nn.Conv1d(channels + 2 * WAVES, width, 1))
        self.blocks = make_blocks(width, blocks, False, "model.encoder")
        self.head = dense_layers(2 * width, hidden, prod(out_shape), 1.0, "model.encoder")
        self.takes_context = context_size > 0
        self.modulations = make_modulations(context_size, dict.fromkeys(range(blocks), width))
        self.of_hidden = make_modulations(context_size, {1: hidden})

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Map x ``(N, C, T)`` to ``(N, *out_shape)``."""
        there = find_steps(x)
        place = find_places(x.shape[-1], x).expand(len(x), -1, -1)
        h = self.start(torch.cat([x, place], 1)) * there
        for number, block in enumerate(self.blocks):
            if context is not None:
                h = self.modulations[str(number)](h, context) * there
            h = block(h, there)
        mean = h.sum(-1) / there.sum(-1)
        most = torch.where(there > 0, h, -math.inf).amax(-1)
        pooled = torch.cat([mean, most], 1)
        out = apply_modulated(self.head, self.of_hidden, pooled, context)
        return out.reshape(-1, *self.out_shape)


class TCNDecoder(nn.Module):
    """``z at each step with its place in time, causal residual blocks, Conv 1x1``.

    What it says of a step does not depend on how many follow.

    Args:
        in_shape: shape of one input.
        out_shape: ``(P, C, T)``, P parameters for each value of a series.
        width: channels.
        blocks: residual blocks; their dilations are 1, 2, 4, ...
        output_gain: factor on the initial weights of the last layer; below 1, so that training
            starts at the centre of the likelihood's links.
        context_size: C, numbers of a context that modulates each block; 0: there is none.

    Shape:
        ``(N, *in_shape) -> (N, P, C, T)``; with a context ``(N, C)`` beside it.

    Raises:
        ConfigError: out_shape is no series, or an option is not positive.
    """

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        width: int = 64,
        blocks: int = 4,
        output_gain: float = 0.3,
        context_size: int = 0,
    ) -> None:
        super().__init__()
        channels, _ = check_series(tuple(out_shape[1:]))
        self.out_shape = tuple(out_shape)
        self.start = he(nn.Linear(prod(in_shape), width))
        self.place = he(nn.Conv1d(2 * WAVES, width, 1))
        self.blocks = make_blocks(width, blocks, True, "model.decoder")
        self.end = he(nn.Conv1d(width, out_shape[0] * channels, 1), output_gain)
        self.takes_context = context_size > 0
        self.modulations = make_modulations(context_size, dict.fromkeys(range(blocks), width))

    def forward(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """Map z ``(N, *in_shape)`` to ``(N, P, C, T)``."""
        h = self.start(z.flatten(1))[..., None] + self.place(find_places(self.out_shape[-1], z))
        for number, block in enumerate(self.blocks):
            if context is not None:
                h = self.modulations[str(number)](h, context)
            h = block(h, None)
        out: Tensor = self.end(nn.functional.silu(h))
        return out.reshape(-1, *self.out_shape)


def make_blocks(width: int, blocks: int, causal: bool, where: str) -> nn.ModuleList:
    """Return the blocks, whose dilations double; together their branches add a variance of 1."""
    check_positive(width, f"{where}.width")
    check_positive(blocks, f"{where}.blocks")
    gain = 1 / math.sqrt(blocks)
    return nn.ModuleList(TemporalBlock(width, 2**i, causal, gain) for i in range(blocks))


def check_series(shape: Shape) -> tuple[int, int]:
    """Return C and T of a series.

    Raises:
        ConfigError: it is none.
    """
    if len(shape) != 2:
        raise ConfigError(
            "model=tcn_vae needs series (channels, steps), but the data has examples of shape "
            f"{tuple(shape)}: use data=series, or model=mlp_vae."
        )
    return shape[0], shape[1]


def find_steps(x: Tensor) -> Tensor:
    """Return 1 up to the last step of x ``(N, C, T)`` that is not 0 throughout, ``(N, 1, T)``.

    A series of zeros alone has all of its steps.
    """
    seen = (x != 0).any(1, keepdim=True)
    behind = seen.flip(-1).cummax(-1).values.flip(-1)
    return torch.where(seen.any(-1, keepdim=True), behind, True).to(x.dtype)


def find_places(steps: int, like: Tensor) -> Tensor:
    """Return sines and cosines of periods 4, 8, ..., 512 steps, ``(1, 16, T)``.

    Vaswani et al. 2017 (https://arxiv.org/abs/1706.03762, section 3.5), of powers of 2.
    """
    time = torch.arange(steps, device=like.device, dtype=like.dtype)
    period = 4 * 2 ** torch.arange(WAVES, device=like.device, dtype=like.dtype)
    angle = 2 * math.pi * time / period[:, None]
    return torch.cat([angle.sin(), angle.cos()])[None]
