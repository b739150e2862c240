"""Compute the density of every z under the posterior of every example, as one matrix product."""

import math

import torch
from torch import Tensor

from vael.models.posteriors.full_normal import FullNormalRecord
from vael.models.posteriors.normal import NormalRecord
from vael.models.posteriors.quadratic import HALF_LOG_2PI, Quadratic, diagonal_forms

Normals = NormalRecord | FullNormalRecord
FLOATS = 2**21  # of the covariances inverted at once: 16 MiB of float64


def num_features(q: Normals) -> int:
    """Return F, the cost of one pair in multiplications: d + d, or d (d + 1) / 2 + d."""
    d = q.mean[0].numel()
    return d + (d * (d + 1) // 2 if isinstance(q, FullNormalRecord) else d)


def quadratic_forms(q: Normals) -> Quadratic:
    """Return the N posteriors of a record with leading dimension ``(N,)`` as quadratic forms."""
    if isinstance(q, NormalRecord):
        return diagonal_forms(q.mu.flatten(1), q.log_sigma.flatten(1))
    mu = q.mean.flatten(1).double()
    num, d = mu.shape
    centre = mu.mean(0)
    size = max(1, FLOATS // (d * d))
    parts = [
        _full(mu[r] - centre, FullNormalRecord(q.mu[r], q.log_diag[r], q.lower[r]).tril)
        for r in (slice(i, i + size) for i in range(0, num, size))
    ]
    weights, constant = (torch.cat(column) for column in zip(*parts, strict=True))
    pairs = tuple(torch.triu_indices(d, d))
    return Quadratic(centre, pairs, weights.mT, constant - d * HALF_LOG_2PI)


def _full(m: Tensor, tril: Tensor) -> tuple[Tensor, Tensor]:
    """Return weights of u_a u_b for a <= b and of u, and the constant, for Cholesky factors."""
    d, tril = m.shape[1], tril.double()
    inverse = torch.linalg.solve_triangular(tril, torch.eye(d, dtype=tril.dtype), upper=False)
    precision = inverse.mT @ inverse
    linear = (precision @ m.unsqueeze(-1)).squeeze(-1)
    first, second = torch.triu_indices(d, d)
    count = torch.where(first == second, 0.5, 1.0)  # (a, b) stands for (b, a) too
    constant = -0.5 * (m * linear).sum(1) - tril.diagonal(dim1=1, dim2=2).log().sum(1)
    return torch.cat([-count * precision[:, first, second], linear], 1), constant


def affordable_count(num: int, features: int, most: int, multiplications: float) -> int:
    """Return how many of ``num`` examples can all be paired within the budget, at least 2."""
    return max(2, min(num, most, math.isqrt(int(multiplications / features))))
