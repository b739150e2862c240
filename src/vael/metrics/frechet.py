"""Floor 6: the Fréchet distance between samples and data, in features of any kind."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Features = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Frechet:
    """Distances with their floor, each from ``examples`` against ``examples`` examples.

    The data is split into two halves. How far finite samples of one distribution are apart is the
    floor, the distance from half to half; the others are means over the distances to either half,
    so a perfect model reaches the floor, not 0.

    Attributes:
        distance: of samples x ~ p(x|z), z ~ p(z), squared units of the features.
        distance_of_means: of E[x|z] at the same z ~ p(z), which are often shown as samples.
        floor: of data.
        features: the feature map.
        components: its dimensions.
        examples: of each of the sets.
    """

    distance: float
    distance_of_means: float
    floor: float
    features: str
    components: int
    examples: int


def gaussian_frechet(mean: Tensor, cov: Tensor, other_mean: Tensor, other_cov: Tensor) -> float:
    """``|m - m'|^2 + tr(C + C' - 2 (C^1/2 C' C^1/2)^1/2)``: Dowson and Landau 1982, Eq. 16.

    By eigenvalues of symmetric matrices only, so singular covariances are no difficulty.

    Args:
        mean: ``(F,)``, float64.
        cov: ``(F, F)``, float64.
        other_mean: ``(F,)``, float64.
        other_cov: ``(F, F)``, float64.
    """
    values, vectors = torch.linalg.eigh(cov)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.mT
    product = torch.linalg.eigvalsh(root @ other_cov @ root)
    cross = product.clamp(min=0).sqrt().sum()
    square = (mean - other_mean).square().sum()
    return float(square + cov.trace() + other_cov.trace() - 2 * cross)


def frechet(features: Tensor, other: Tensor) -> float:
    """The same between normal distributions fitted to ``(N, F)`` and ``(N', F)`` features."""
    return gaussian_frechet(*_moments(features), *_moments(other))


def compare(
    features: Features, name: str, data: Tensor, samples: Tensor, means: Tensor, most: int
) -> Frechet:
    """Distances from samples and their means to the data, and from data to data.

    Args:
        features: from examples ``(N, *E)`` to ``(N, F)``.
        name: of the feature map, with the data that it was fitted to.
        data: at least 4 held-out examples ``(M, *E)``.
        samples: at least 2 draws of the model ``(M', *E)``.
        means: E[x|z] behind each of them.
        most: examples to take of each set.
    """
    count = min(most, len(samples), len(data) // 2)
    # every other one: in a split that is sorted, both halves have something of everything
    halves = [features(data[start : 2 * count : 2]).double() for start in (0, 1)]

    def distance(drawn: Tensor) -> float:
        own = features(drawn[:count]).double()
        return sum(frechet(own, half) for half in halves) / 2

    return Frechet(
        distance(samples), distance(means), frechet(*halves), name, halves[0].shape[1], count
    )


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    return features.mean(0), torch.cov(features.mT).reshape(features.shape[1], -1)
