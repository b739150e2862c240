"""Flows whose map is known, or drawn."""

import math

import numpy as np
import torch

from vael.models.flows import AutoregressiveFlow

MOST = -math.log(1e-3)  # zuko's bound of the log of a slope


@torch.no_grad()
def set_affine(flow: AutoregressiveFlow, A: np.ndarray, b: np.ndarray) -> None:
    """Make a flow of one transform without hidden layers ``y = A x + b``, A lower triangular."""
    (step,) = flow.steps
    (layer,) = step.hyper
    log_slope = np.log(np.diag(A))
    shift, slope = torch.zeros_like(layer.weight).unflatten(0, (-1, 2)).unbind(1)
    shift[:, : len(A)] = torch.from_numpy(np.tril(A, -1))
    layer.weight.copy_(torch.stack([shift, slope], 1).flatten(0, 1))
    bias = np.stack([b, log_slope / (1 - np.abs(log_slope) / MOST)], 1)
    layer.bias.copy_(torch.from_numpy(bias).flatten())


@torch.no_grad()
def shake(flow: AutoregressiveFlow, size: float = 1.0, seed: int = 0) -> None:
    """Draw all parameters of a flow, so that what its nets emit is of order 1 at size 1."""
    source = torch.Generator().manual_seed(seed)
    for parameter in flow.parameters():
        spread = size * (parameter.shape[-1] ** -0.5 if parameter.ndim == 2 else 0.5)
        parameter.copy_(spread * torch.randn(parameter.shape, generator=source))
