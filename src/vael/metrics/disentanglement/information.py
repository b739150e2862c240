"""Mutual information between single code dimensions and factors, from counts."""

import numpy as np
import numpy.typing as npt

from vael.metrics.disentanglement.base import Codes, Factors

BINS = 20
"""Of a code with many values, as in Locatello et al. 2019 (https://arxiv.org/abs/1811.12359)."""

MOST_VALUES = 100
"""A code with at most so many different values is taken as it is."""


def discretise(codes: Codes, bins: int) -> Factors:
    """Turn each dimension of ``(N, d)`` codes into small integers.

    Bins hold equally many examples each: what is said does not hang on the scale of a code, and
    the scores are the same after any increasing function of it.
    """
    columns = []
    for column in codes.T:
        values, index = np.unique(column, return_inverse=True)
        if len(values) > MOST_VALUES:
            edges = np.unique(np.quantile(column, np.arange(1, bins) / bins))
            index = np.searchsorted(edges, column, side="right")
        columns.append(index)
    return np.stack(columns, 1)


def entropy(labels: npt.NDArray[np.int64]) -> float:
    """Return ``-sum p log p`` of the observed frequencies, nats."""
    share = np.bincount(labels) / len(labels)
    share = share[share > 0]
    return float(-(share * np.log(share)).sum())


def mutual_informations(codes: Codes, factors: Factors) -> npt.NDArray[np.float64]:
    """Return I(z_i; v_j) of the observed frequencies, nats, ``(d, F)``.

    ``I = H(z) + H(v) - H(z, v)``. For independent codes it is not 0 but, in the mean, about
    ``(bins - 1)(values - 1) / (2 N)``.
    """
    sizes = factors.max(0) + 1
    binned = discretise(codes, max(BINS, int(sizes.max())))
    pairs = list(zip(factors.T, sizes, strict=True))
    table = [
        [entropy(z) + entropy(v) - entropy(z * size + v) for v, size in pairs] for z in binned.T
    ]
    found: npt.NDArray[np.float64] = np.maximum(np.array(table), 0.0)
    return found


def entropies(factors: Factors) -> npt.NDArray[np.float64]:
    """Return H(v_j) of each factor, nats, ``(F,)``; factors without variation have 0."""
    return np.array([entropy(v) for v in factors.T])
