"""Measure how samples and data lie among one another's nearest neighbours."""

from dataclasses import dataclass

import torch
from torch import Tensor

NEIGHBOURS = 5  # Naeem et al. 2020, Section 4
ROWS = 2**23  # of distances held at once: 64 MiB of float64


@dataclass(frozen=True)
class Neighbourhoods:
    """How samples y fill the balls around data x, and data those around samples.

    The ball of an example reaches to its k-th nearest neighbour in its own set, which lies
    outside.

    Attributes:
        precision: share of y in the ball of any x (Kynkäänniemi et al. 2019,
            https://arxiv.org/abs/1904.06991, Eq. 2).
        recall: share of x in the ball of any y.
        density: balls of x that a y is in, over k, mean over y (Naeem et al. 2020,
            https://arxiv.org/abs/2002.09797, Eq. 4); 1 in expectation for one distribution, above
            where y prefers the dense places of x.
        coverage: share of x that have a y in their ball (Eq. 6).
    """

    precision: float
    recall: float
    density: float
    coverage: float


def measure_neighbourhoods(x: Tensor, y: Tensor, neighbours: int = NEIGHBOURS) -> Neighbourhoods:
    """Measure samples y against data x.

    Args:
        x: features of the data, ``(N, F)``, N > ``neighbours``, float64.
        y: features of the samples, ``(M, F)``, M > ``neighbours``, float64.
        neighbours: k.
    """
    reach_x, reach_y = _reach(x, neighbours), _reach(y, neighbours)
    recalled, covered = [], []
    balls = torch.zeros(len(y), dtype=torch.long)
    for start, rows in _blocks(x, len(y)):
        distances = torch.cdist(rows, y)
        inside = distances < reach_x[start : start + len(rows), None]
        balls += inside.sum(0)
        covered.append(inside.any(1))
        recalled.append((distances < reach_y).any(1))
    return Neighbourhoods(
        precision=float((balls > 0).double().mean()),
        recall=float(torch.cat(recalled).double().mean()),
        density=float(balls.double().mean() / neighbours),
        coverage=float(torch.cat(covered).double().mean()),
    )


def _reach(x: Tensor, neighbours: int) -> Tensor:
    """Return the distance of each to its k-th nearest neighbour, ``(N,)``."""
    found = []
    for start, rows in _blocks(x, len(x)):
        distances = torch.cdist(rows, x)
        place = torch.arange(len(rows))
        distances[place, place + start] = torch.inf  # not its own neighbour
        found.append(distances.kthvalue(neighbours, 1).values)
    return torch.cat(found)


def _blocks(x: Tensor, width: int) -> list[tuple[int, Tensor]]:
    """Return the rows in blocks, each with the position of its first."""
    size = max(1, ROWS // width)
    return [(start, x[start : start + size]) for start in range(0, len(x), size)]
