"""Measure how close reconstructions are to their originals."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torchmetrics.functional.image import (
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

GAUSSIAN_SIDE = 11  # the window of Wang et al. 2004
UNIFORM_SIDE = 7
CHUNK_FLOATS = 2**19  # of pixels at once: the five maps of ssim stay in the caches


@dataclass(frozen=True)
class Reconstruction:
    """Fidelity of M reconstructions; the last four only for images with values in [0, 1].

    Attributes:
        examples: M.
        mse: squared error per dimension, mean over examples.
        mse_se: its standard error over examples.
        psnr: -10 log10(mse), dB, against a peak of 1.
        ssim: structural similarity (Wang et al. 2004, Eq. 13), mean over examples; 1 is equal.
        ssim_se: its standard error over examples.
        ssim_window: the window that local means and variances are taken in.
    """

    examples: int
    mse: float
    mse_se: float
    psnr: float | None = None
    ssim: float | None = None
    ssim_se: float | None = None
    ssim_window: str | None = None


def measure_reconstruction(x: Tensor, decoded: Tensor, images: bool) -> Reconstruction:
    """Score reconstructions ``(M, *E)`` of originals ``(M, *E)``.

    Args:
        x: the originals, M at least 1.
        decoded: of the same shape.
        images: E is ``(C, H, W)`` and values are in [0, 1].
    """
    step = max(1, CHUNK_FLOATS // x[0].numel())
    pairs = list(zip(torch.split(x, step), torch.split(decoded, step), strict=True))
    squares = torch.cat([((b - a) ** 2).flatten(1).mean(1) for a, b in pairs]).double()
    mse, mse_se = float(squares.mean()), standard_error(squares)
    if not images:
        return Reconstruction(len(x), mse, mse_se)
    psnr = float(peak_signal_noise_ratio(decoded, x, data_range=1.0))
    side = window_side(x)
    if side is None:
        return Reconstruction(len(x), mse, mse_se, psnr)
    similar = torch.cat([_ssim(a, b, side) for a, b in pairs]).double()
    window = f"{side}x{side}, {'gaussian of sigma 1.5' if side == GAUSSIAN_SIDE else 'uniform'}"
    ssim, ssim_se = float(similar.mean()), standard_error(similar)
    return Reconstruction(len(x), mse, mse_se, psnr, ssim, ssim_se, window)


def _ssim(x: Tensor, decoded: Tensor, side: int) -> Tensor:
    """Compute the similarity of each image, ``(B,)``."""
    found = structural_similarity_index_measure(
        decoded,
        x,
        gaussian_kernel=side == GAUSSIAN_SIDE,
        kernel_size=side,
        data_range=1.0,
        reduction="none",
    )
    assert torch.is_tensor(found)
    return found


def window_side(x: Tensor) -> int | None:
    """Return the side of a window that fits images ``(M, C, H, W)``: 11, 7, 5, 3 or None."""
    smallest = min(x.shape[-2:])
    return next((side for side in (GAUSSIAN_SIDE, UNIFORM_SIDE, 5, 3) if side <= smallest), None)


def standard_error(values: Tensor) -> float:
    """Return the standard error of the mean of ``(N,)`` values; 0 for a single one."""
    return float(values.std() / math.sqrt(len(values))) if len(values) > 1 else 0.0
