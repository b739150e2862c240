"""The mean of a variable rounded to the levels, by its survival function at the edges.

With edges ``e_j = (j - 1/2) h``, ``E = h * sum_j P(X > e_j)``, j = 1 .. levels - 1, h one step.
"""

from collections.abc import Callable

import torch
from torch import Tensor

# P(X > edge) from edge, mu and sigma.
Above = Callable[[Tensor | float, Tensor, Tensor], Tensor]


def mean_of_all(above: Above, mu: Tensor, sigma: Tensor, levels: int) -> Tensor:
    """Sum over all edges, for few levels."""
    edges = [(j - 0.5) / (levels - 1) for j in range(1, levels)]
    return torch.stack([above(edge, mu, sigma) for edge in edges]).mean(0)


def mean_of_near(above: Above, mu: Tensor, sigma: Tensor, levels: int, reach: int) -> Tensor:
    """Sum over the edges within ``reach`` steps of mu; those below count 1, those above 0."""
    last = levels - 1
    nearest = (mu * last).detach().round().clamp(0, last)
    total = (nearest - reach).clamp(min=0)
    for offset in range(1 - reach, reach + 1):
        j = nearest + offset
        exists = (j >= 1) & (j <= last)
        total = total + torch.where(exists, above((j - 0.5) / last, mu, sigma), 0.0)
    return total / last


def nowhere(condition: Tensor) -> bool:
    """Return whether a regime is known not to occur, and its work can be spared.

    Only a CPU is asked: elsewhere a look at the values stalls the device or breaks the graph.
    """
    return condition.is_cpu and not torch.compiler.is_compiling() and not bool(condition.any())
