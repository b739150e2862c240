"""Disentanglement, completeness and informativeness."""

import numpy as np
import numpy.typing as npt

from vael.metrics.disentanglement.base import Codes, Factors, FactorScore

TREES = 50
MOST_FITTED = 5000
MIN_LEAF = 5


class DCI(FactorScore):
    """How importances of the dimensions for the factors are spread.

    R_ij is the importance of z_i in a random forest that tells factor j from the code (Eastwood
    and Williams 2018, https://openreview.net/forum?id=By-7dz-AZ, Section 2). With H_b an entropy
    to the base b,

        disentanglement = sum_i rho_i (1 - H_F(R_i. / sum_j R_ij)),  rho_i = sum_j R_ij / sum R
        completeness    = mean_j (1 - H_d(R_.j / sum_i R_ij))
        informativeness = mean_j of the forest's accuracy above that of guessing, of what is left

    Completeness to the base d rises when idle dimensions are added to the same code, so sizes of
    codes cannot be compared by it; ``completeness_fair`` is ``mean_j exp(-H(R_.j / sum))``, one
    over the number of dimensions that share a factor.

    Returns:
        ``disentanglement``, ``completeness``, ``completeness_fair``, ``informativeness``, each
        at most 1.
    """

    def score(self, codes: Codes, factors: Factors) -> dict[str, float]:
        """Return the four numbers over the factors that vary."""
        fit, held = self.halves(len(codes))
        importances, informed = [], []
        for v in factors.T:
            if len(np.unique(v[fit])) < 2:
                continue
            own, accuracy = self._forest(codes, v, fit[:MOST_FITTED], held)
            guess = max(np.bincount(v[held])) / len(held)
            importances.append(own)
            informed.append((accuracy - guess) / (1 - guess) if guess < 1 else 0.0)
        if not importances:
            nan = float("nan")
            names = "disentanglement", "completeness", "completeness_fair", "informativeness"
            return dict.fromkeys(names, nan)
        r = np.stack(importances, 1)
        rho = r.sum(1) / r.sum() if r.sum() > 0 else np.zeros(len(r))
        by_code, by_factor = _entropies(r), _entropies(r.T)
        d, num = r.shape
        return {
            "disentanglement": float((rho * (1 - by_code / np.log(num))).sum())
            if num > 1
            else 1.0,
            "completeness": float((1 - by_factor / np.log(d)).mean()) if d > 1 else 1.0,
            "completeness_fair": float(np.exp(-by_factor).mean()),
            "informativeness": float(np.mean(informed)),
        }

    def _forest(
        self,
        codes: Codes,
        v: npt.NDArray[np.int64],
        fit: npt.NDArray[np.int64],
        held: npt.NDArray[np.int64],
    ) -> tuple[npt.NDArray[np.float64], float]:
        """Return the importances of the dimensions, and the accuracy on held-out examples."""
        from sklearn.ensemble import RandomForestClassifier

        # every split looks at all dimensions: else one that is never best gets importance, too
        forest = RandomForestClassifier(
            TREES, max_features=None, min_samples_leaf=MIN_LEAF, random_state=self.seed
        ).fit(codes[fit], v[fit])
        return forest.feature_importances_, float(forest.score(codes[held], v[held]))


def _entropies(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the entropy of each row as shares of its sum, nats; of an empty row the largest."""
    total = rows.sum(1, keepdims=True)
    share = np.where(total > 0, rows / np.where(total > 0, total, 1), 1 / rows.shape[1])
    found: npt.NDArray[np.float64] = -(share * np.log(np.where(share > 0, share, 1))).sum(1)
    return found
