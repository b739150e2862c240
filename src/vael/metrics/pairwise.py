"""Compute the density of every z under the posterior of every example, as one matrix product.

``log N(z; mu, P^-1)`` is linear in ``(z_a z_b, z_a)``, so M points and N normal distributions cost
one ``(M, F) @ (F, N)`` product: nothing of the size M * N * d is ever held.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vael.models.posteriors.full_normal import FullNormalRecord
from vael.models.posteriors.normal import HALF_LOG_2PI, NormalRecord

Normals = NormalRecord | FullNormalRecord
FLOATS = 2**21  # of the covariances inverted at once: 16 MiB of float64


@dataclass(frozen=True)
class Quadratic:
    """N normal log-densities as quadratic forms in ``u = z - centre``, float64.

    Attributes:
        centre: mean of the N means, ``(d,)``: the products then cancel least.
        first: ``(P,)`` and
        second: ``(P,)``, the pairs (a, b) whose products u_a u_b appear.
        weights: of the products and of u, ``(P + d, N)``.
        constant: ``(N,)``.
    """

    centre: Tensor
    first: Tensor
    second: Tensor
    weights: Tensor
    constant: Tensor

    def log_prob(self, z: Tensor) -> Tensor:
        """Return the log density of each z ``(M, d)`` by each distribution, nats, ``(M, N)``."""
        u = z - self.centre
        features = torch.cat([u[:, self.first] * u[:, self.second], u], 1)
        return torch.addmm(self.constant, features, self.weights)


def num_features(q: Normals) -> int:
    """Return F, the cost of one pair in multiplications: d + d, or d (d + 1) / 2 + d."""
    d = q.mean[0].numel()
    return d + (d * (d + 1) // 2 if isinstance(q, FullNormalRecord) else d)


def quadratic_forms(q: Normals) -> Quadratic:
    """Return the N posteriors of a record with leading dimension ``(N,)`` as quadratic forms."""
    mu = q.mean.flatten(1).double()
    num, d = mu.shape
    centre = mu.mean(0)
    if isinstance(q, NormalRecord):
        first = second = torch.arange(d)
        parts = [_diagonal(mu - centre, q.log_sigma.flatten(1).double())]
    else:
        first, second = torch.triu_indices(d, d)
        size = max(1, FLOATS // (d * d))
        parts = [
            _full(mu[r] - centre, FullNormalRecord(q.mu[r], q.log_diag[r], q.lower[r]).tril)
            for r in (slice(i, i + size) for i in range(0, num, size))
        ]
    weights, constant = (torch.cat(column) for column in zip(*parts, strict=True))
    return Quadratic(centre, first, second, weights.mT, constant - d * HALF_LOG_2PI)


def _diagonal(m: Tensor, log_sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Return the weights of u^2 and u, and the constant, for means ``(N, d)`` about the centre."""
    precision = torch.exp(-2 * log_sigma)
    linear = precision * m
    constant = -0.5 * (m * linear).sum(1) - log_sigma.sum(1)
    return torch.cat([-0.5 * precision, linear], 1), constant


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
