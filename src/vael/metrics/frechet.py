"""Measure the Fréchet distance between two sets of features."""

import torch
from torch import Tensor


def gaussian_frechet(mean: Tensor, cov: Tensor, other_mean: Tensor, other_cov: Tensor) -> float:
    """Return ``|m - m'|^2 + tr(C + C' - 2 (C^1/2 C' C^1/2)^1/2)``: Dowson and Landau 1982, Eq. 16.

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


def feature_frechet(features: Tensor, other: Tensor) -> float:
    """Return the distance between normal distributions fitted to two sets of features."""
    return gaussian_frechet(*_moments(features), *_moments(other))


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    return features.mean(0), torch.cov(features.mT).reshape(features.shape[1], -1)
