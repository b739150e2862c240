"""Compute the density of every z under each of many normals, as one matrix product.

``log N(z; mu, P^-1)`` is linear in ``(z_a z_b, z_a)``, so M points and N normal distributions cost
one ``(M, F) @ (F, N)`` product: nothing of the size M * N * d is ever held.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
Pairs = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Quadratic:
    """N normal log-densities as quadratic forms in ``u = z - centre``, float64.

    Attributes:
        centre: mean of the N means, ``(d,)``: the products then cancel least.
        pairs: ``(P,)`` each, the pairs (a, b) whose products u_a u_b appear; None: all (a, a).
        weights: of the products and of u, ``(P + d, N)``.
        constant: ``(N,)``.
    """

    centre: Tensor
    pairs: Pairs | None
    weights: Tensor
    constant: Tensor

    def log_prob(self, z: Tensor) -> Tensor:
        """Return the log density of each z ``(M, d)`` by each distribution, nats, ``(M, N)``."""
        u = z - self.centre
        products = u * u if self.pairs is None else u[:, self.pairs[0]] * u[:, self.pairs[1]]
        return torch.addmm(self.constant, torch.cat([products, u], 1), self.weights)


def diagonal_forms(mu: Tensor, log_sigma: Tensor) -> Quadratic:
    """Return N normals with diagonal covariances, both ``(N, d)``, as quadratic forms."""
    mu, log_sigma = mu.double(), log_sigma.double()
    centre = mu.mean(0)
    m, precision = mu - centre, torch.exp(-2 * log_sigma)
    linear = precision * m
    constant = -0.5 * (m * linear).sum(1) - (log_sigma + HALF_LOG_2PI).sum(1)
    return Quadratic(centre, None, torch.cat([-0.5 * precision, linear], 1).mT, constant)
