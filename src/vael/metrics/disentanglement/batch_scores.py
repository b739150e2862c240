"""Scores from batches in which one factor is held: which factor was it?"""

import warnings
from abc import abstractmethod

import numpy as np
import numpy.typing as npt

from vael.metrics.catalog import ACTIVE_THRESHOLD
from vael.metrics.disentanglement.base import Codes, Factors, FactorScore

BATCH = 64
VOTES = 800
LEFT = 0.05  # share of the variance of a dimension below which it is idle


class _HeldFactorScore(FactorScore):
    """A classifier of which factor was held, from one summary of a batch.

    Returns:
        ``score``: its accuracy on summaries that it was not fitted to.
        ``chance``: of guessing, 1 over the number of factors that vary.
    """

    def score(self, codes: Codes, factors: Factors) -> dict[str, float]:
        """Return the accuracy; it is NaN where fewer than two factors vary."""
        varied = [j for j, v in enumerate(factors.T) if len(np.unique(v)) > 1]
        if len(varied) < 2:
            return {"score": float("nan"), "chance": 1.0}
        rng = np.random.default_rng(self.seed)
        groups = {
            (j, value): np.flatnonzero(factors[:, j] == value)
            for j in varied
            for value in np.unique(factors[:, j])
        }
        held = rng.choice(varied, 2 * VOTES)
        prepared = self._prepare(codes)
        summaries = [
            self._summarise(prepared, groups[j, factors[rng.integers(len(codes)), j]], rng)
            for j in held
        ]
        x = np.stack(summaries)
        return {
            "score": self._accuracy(x[:VOTES], held[:VOTES], x[VOTES:], held[VOTES:]),
            "chance": 1 / len(varied),
        }

    @abstractmethod
    def _prepare(self, codes: Codes) -> Codes:
        """Return the codes that batches are drawn from."""

    @abstractmethod
    def _summarise(
        self, codes: Codes, group: npt.NDArray[np.int64], rng: np.random.Generator
    ) -> npt.NDArray[np.float64]:
        """Return what is told of a batch of examples of a group."""

    @abstractmethod
    def _accuracy(
        self,
        x: npt.NDArray[np.float64],
        y: npt.NDArray[np.int64],
        held_x: npt.NDArray[np.float64],
        held_y: npt.NDArray[np.int64],
    ) -> float:
        """Return how often a classifier fitted to the first pair is right on the second."""


class FactorVaeScore(_HeldFactorScore):
    """The accuracy of a majority vote by the dimension that varies least.

    In a batch of 64 examples with one factor held, the dimension of the lowest variance, relative
    to its variance over all examples, votes; a table says which factor a dimension stands for
    (Kim and Mnih 2018, https://arxiv.org/abs/1802.05983, Section 4). Dimensions whose variance is
    below 0.01 and below 5 % of the largest are idle and do not vote, so codes of different sizes
    can be compared.
    """

    def _prepare(self, codes: Codes) -> Codes:
        variance = codes.var(0)
        active = variance > min(ACTIVE_THRESHOLD, LEFT * variance.max())
        if not active.any():
            return np.zeros((len(codes), 1))
        scaled: Codes = codes[:, active] / np.sqrt(variance[active])
        return scaled

    def _summarise(
        self, codes: Codes, group: npt.NDArray[np.int64], rng: np.random.Generator
    ) -> npt.NDArray[np.float64]:
        variance = codes[rng.choice(group, BATCH)].var(0)
        return np.array([float(variance.argmin())])

    def _accuracy(
        self,
        x: npt.NDArray[np.float64],
        y: npt.NDArray[np.int64],
        held_x: npt.NDArray[np.float64],
        held_y: npt.NDArray[np.int64],
    ) -> float:
        votes = np.zeros((int(max(x.max(), held_x.max())) + 1, int(y.max()) + 1))
        np.add.at(votes, (x[:, 0].astype(int), y), 1)
        told = votes.argmax(1)[held_x[:, 0].astype(int)]
        return float((told == held_y).mean())


class BetaVaeScore(_HeldFactorScore):
    """The accuracy of a linear classifier of the mean difference in pairs that share a factor.

    The mean of |z - z'| over 64 pairs with one factor held (Higgins et al. 2017,
    https://openreview.net/forum?id=Sy2fzU9gl, Section 3), standardised; multinomial logistic
    regression. Rotated codes may still get 1: it is the weakest of the scores.
    """

    def _prepare(self, codes: Codes) -> Codes:
        return codes

    def _summarise(
        self, codes: Codes, group: npt.NDArray[np.int64], rng: np.random.Generator
    ) -> npt.NDArray[np.float64]:
        pairs = codes[rng.choice(group, (2, BATCH))]
        mean: npt.NDArray[np.float64] = np.abs(pairs[0] - pairs[1]).mean(0)
        return mean

    def _accuracy(
        self,
        x: npt.NDArray[np.float64],
        y: npt.NDArray[np.int64],
        held_x: npt.NDArray[np.float64],
        held_y: npt.NDArray[np.int64],
    ) -> float:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return float(model.fit(x, y).score(held_x, held_y))
