"""The separated attribute predictability."""

import numpy as np

from vael.metrics.disentanglement.base import Codes, Factors, FactorScore


class SAP(FactorScore):
    """The mean over the factors of the difference of the two dimensions that predict it best.

    How well dimension i predicts factor j is the accuracy of a linear classifier from z_i alone,
    its classes weighted equally, on examples that it was not fitted to (Kumar et al. 2018,
    https://arxiv.org/abs/1711.00848, Section 3): here Fisher's discriminant, whose thresholds
    have a closed form. A code of one dimension is compared with guessing.

    Returns:
        ``score``: as published, at most 1 less the share that guessing gets.
        ``scaled``: each difference over the largest possible one; 1 for separate factors.
    """

    def score(self, codes: Codes, factors: Factors) -> dict[str, float]:
        """Return both means over the factors that vary."""
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
        from sklearn.metrics import recall_score

        fit, held = self.halves(len(codes))
        gaps, largest = [], []
        for v in factors.T:
            seen = np.unique(v[fit])
            if len(seen) < 2:
                continue
            guess = 1 / len(seen)
            scores = [guess]
            for column in codes.T:
                if np.ptp(column[fit]) == 0:
                    scores.append(guess)
                    continue
                # of its own class a code may be constant: a hair of noise keeps it solvable
                model = LinearDiscriminantAnalysis(
                    solver="lsqr", shrinkage=1e-6, priors=np.full(len(seen), guess)
                ).fit(column[fit, None], v[fit])
                told = model.predict(column[held, None])
                known = np.isin(v[held], seen)
                scores.append(
                    recall_score(
                        v[held][known], told[known], labels=seen, average="macro", zero_division=0
                    )
                )
            best = sorted(scores)
            gaps.append(best[-1] - best[-2])
            largest.append(1 - guess)
        if not gaps:
            return dict.fromkeys(("score", "scaled"), float("nan"))
        return {"score": float(np.mean(gaps)), "scaled": float(np.mean(np.divide(gaps, largest)))}
