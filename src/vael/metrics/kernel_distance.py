"""Measure the kernel distance (KID) between two sets of features."""

import torch
from torch import Tensor

DEGREE = 3
ROWS = 2**23  # of kernel values held at once: 64 MiB of float64


def kernel_distance(x: Tensor, y: Tensor) -> float:
    """Return the squared maximum mean discrepancy of two sets, estimated without bias.

    ::

        mean over i != j of k(x_i, x_j) + k(y_i, y_j)  -  2 mean over i, j of k(x_i, y_j)

    with ``k(a, b) = (a.b / F + 1)^3``, which compares means, variances and third moments
    (Bińkowski et al. 2018, https://arxiv.org/abs/1801.01401, Section 4: the kernel Inception
    distance). Of two sets from one distribution it is 0 in expectation, so below 0 half of the
    time; a Fréchet distance is above 0 there by an amount that falls with their size.

    Args:
        x: ``(N, F)``, at least 2, float64.
        y: ``(M, F)``, at least 2, float64.
    """
    return _mean_kernel(x) + _mean_kernel(y) - 2 * _mean_kernel(x, y)


def _mean_kernel(x: Tensor, y: Tensor | None = None) -> float:
    """Return the mean of k over all pairs; of one set over those of two examples."""
    other, total = x if y is None else y, x.new_zeros(())
    for rows in torch.split(x, max(1, ROWS // len(other))):
        total += (rows @ other.mT / x.shape[1] + 1).pow_(DEGREE).sum()
    if y is not None:
        return float(total / (len(x) * len(y)))
    own = (x.square().mean(1) + 1).pow(DEGREE).sum()
    return float((total - own) / (len(x) * (len(x) - 1)))
