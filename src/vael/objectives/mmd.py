"""The maximum mean discrepancy of two samples."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

Kernel = Literal["imq", "rbf"]


def estimate_mmd(z: Tensor, y: Tensor, kernel: Kernel, scales: Sequence[float]) -> Tensor:
    """Return the U-statistic of MMD^2 of two samples ``(n, d)``, a scalar.

        mean over i != j of k(z_i, z_j) + k(y_i, y_j)  -  2 (mean over i, j of k(z_i, y_j))

    Its mean is ``MMD^2 = E k(z, z') + E k(y, y') - 2 E k(z, y)`` (Gretton et al. 2012, Lemma 6,
    https://jmlr.org/papers/v13/gretton12a.html), so that it can be below 0.

    Args:
        z: draws of one distribution.
        y: as many of the other.
        kernel: of the squared distance r2, averaged over the scales s with C = 2 d s (at s = 1
            the mean r2 of two draws of N(0, I)): ``imq`` is C / (C + r2), ``rbf`` exp(-r2 / C).
        scales: s, each above 0.
    """
    with torch.autocast(z.device.type, enabled=False):  # products in full precision
        within = _mean_of_pairs(_kernel(z, z, kernel, scales))
        within = within + _mean_of_pairs(_kernel(y, y, kernel, scales))
        return within - 2 * _kernel(z, y, kernel, scales).mean()


def _kernel(z: Tensor, y: Tensor, kernel: Kernel, scales: Sequence[float]) -> Tensor:
    """Return k of each z with each y, ``(n, n)``."""
    squares = z.square().sum(1)[:, None] + y.square().sum(1)
    distances = (squares - 2 * z @ y.T).clamp(min=0)
    sizes = [2 * z.shape[1] * scale for scale in scales]
    if kernel == "imq":
        found = [size / (size + distances) for size in sizes]
    else:
        found = [torch.exp(-distances / size) for size in sizes]
    return torch.stack(found).mean(0)


def _mean_of_pairs(k: Tensor) -> Tensor:
    """Return the mean of k ``(n, n)`` off its diagonal; 0 for n = 1."""
    n = len(k)
    return (k.sum() - k.diagonal().sum()) / max(n * (n - 1), 1)
