"""Probe latent means for the labels, by a linear and by a local classifier."""

import math
import warnings
from dataclasses import dataclass

import numpy as np
from torch import Tensor

NEIGHBOURS = 5
MAX_ITERATIONS = 1000


@dataclass(frozen=True)
class LabelProbe:
    """Accuracies on the split of classifiers fitted to the training examples, shares in [0, 1].

    Attributes:
        linear: of a multinomial logistic regression on standardised means (L2, C = 1).
        linear_se: binomial standard error.
        converged: whether that regression's optimiser did within 1,000 iterations.
        knn: of a vote of the ``neighbours`` nearest training means, Euclidean, not standardised:
            a latent that the model does not use must not weigh as much as one that it does.
        knn_se: binomial standard error.
        neighbours: 5, or the number of training examples where those are fewer.
        majority: of always naming the most frequent training class.
        train_examples: number of examples fitted to.
        examples: number of examples scored.
        classes: number of classes among the training examples.
    """

    linear: float
    linear_se: float
    converged: bool
    knn: float
    knn_se: float
    neighbours: int
    majority: float
    train_examples: int
    examples: int
    classes: int


def probe_labels(
    train: Tensor, train_labels: Tensor, test: Tensor, labels: Tensor
) -> LabelProbe | None:
    """Fit on latent means ``(T, d)`` and score on ``(N, d)``; None with fewer than two classes.

    Args:
        train: means of the training examples, finite.
        train_labels: ``(T,)`` integers.
        test: means of the examples of the split, finite.
        labels: ``(N,)`` integers.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fit_x, fit_y, x, y = (t.numpy() for t in (train, train_labels, test, labels))
    classes, counts = np.unique(fit_y, return_counts=True)
    if len(classes) < 2:
        return None
    regression = LogisticRegression(max_iter=MAX_ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is told by ``converged``
        linear = float(make_pipeline(StandardScaler(), regression).fit(fit_x, fit_y).score(x, y))
    neighbours = min(NEIGHBOURS, len(fit_y))
    local = KNeighborsClassifier(neighbours, algorithm="brute").fit(fit_x, fit_y)
    knn = float(local.score(x, y))
    return LabelProbe(
        linear=linear,
        linear_se=_binomial(linear, len(y)),
        converged=bool(regression.n_iter_.max() < MAX_ITERATIONS),
        knn=knn,
        knn_se=_binomial(knn, len(y)),
        neighbours=neighbours,
        majority=float((y == classes[counts.argmax()]).mean()),
        train_examples=len(fit_y),
        examples=len(y),
        classes=len(classes),
    )


def _binomial(share: float, count: int) -> float:
    return math.sqrt(share * (1 - share) / count)
