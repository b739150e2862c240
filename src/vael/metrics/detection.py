"""Tell two sets of examples apart by one score of each: AUROC and average precision."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]
BINS = 40
TAIL = 0.001  # of each end of all scores: what lies beyond is counted in the outer bins


@dataclass(frozen=True)
class Detection:
    """How well a score tells the other examples from one's own.

    Attributes:
        auroc: the probability that another example has a higher score than one of one's own,
            a tie counting half: the area under the ROC curve. 0.5 is no better than chance.
        auroc_se: its standard error by DeLong et al. 1988 (https://doi.org/10.2307/2531595);
            NaN with fewer than two examples of a kind.
        average_precision: ``sum_t (R_t - R_(t-1)) P_t`` over the thresholds t, P the share of the
            other examples among those above t, R the share of the others that are above t. By
            chance it is the share of the others.
    """

    auroc: float
    auroc_se: float
    average_precision: float


@dataclass(frozen=True)
class Histograms:
    """Counts of two sets of scores in the same bins.

    Attributes:
        edges: of the bins, one more than there are.
        own: counts of one's own.
        other: of the others.
    """

    edges: list[float]
    own: list[int]
    other: list[int]


def measure_detection(own: Scores, other: Scores) -> Detection:
    """Return how well a higher score tells ``(M,)`` other examples from ``(N,)`` of one's own.

    A score that is no number counts as the highest.
    """
    from scipy.stats import rankdata  # type: ignore[import-untyped]  # training needs none of it

    own, other = (
        np.nan_to_num(t, nan=np.inf, posinf=np.inf, neginf=-np.inf) for t in (own, other)
    )
    m, n = len(other), len(own)
    ranks = rankdata(np.concatenate([other, own]))
    below = (ranks[:m] - rankdata(other)) / n  # the share of one's own below each other
    above = 1 - (ranks[m:] - rankdata(own)) / m
    error = math.nan
    if min(m, n) > 1:
        error = math.sqrt(below.var(ddof=1) / m + above.var(ddof=1) / n)
    return Detection(float(below.mean()), error, _average_precision(own, other))


def _average_precision(own: Scores, other: Scores) -> float:
    scores = np.concatenate([other, own])
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(order < len(other))
    ordered = scores[order]
    last = np.append(ordered[1:] != ordered[:-1], True)  # of each run of equal scores
    precision = found[last] / (np.flatnonzero(last) + 1)
    return float(np.diff(found[last], prepend=0) @ precision / len(other))


def count_scores(own: Scores, other: Scores) -> Histograms:
    """Return the histograms of both over the range that all but the outermost scores have."""
    finite = np.concatenate([t[np.isfinite(t)] for t in (own, other)])
    low, high = np.quantile(finite, [TAIL, 1 - TAIL]) if len(finite) else (0.0, 1.0)
    if not low < high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BINS + 1)
    counts = [
        np.histogram(np.clip(np.nan_to_num(t, nan=np.inf), low, high), edges)[0].tolist()
        for t in (own, other)
    ]
    return Histograms(edges.tolist(), *counts)
