"""Whether the values of the factors can be read off the whole code by a linear map."""

import warnings

import numpy as np

from vael.metrics.disentanglement.base import Codes, Factors, FactorScore

MAX_ITERATIONS = 1000


class Explicitness(FactorScore):
    """``2 AUC - 1``, mean over the factors and their values.

    AUC is the area under the curve of true over false positives of a logistic regression from
    the whole standardised code to the factor, one value against the rest, on examples that it was
    not fitted to (Ridgeway and Mozer 2018, https://arxiv.org/abs/1802.05312, Section 3): 1 where
    every value can be told, 0 for codes that know nothing.

    Returns:
        ``score``.
    """

    def score(self, codes: Codes, factors: Factors) -> dict[str, float]:
        """Return the mean over the factors that vary, each the mean over its values."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import roc_auc_score
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        fit, held = self.halves(len(codes))
        found = []
        for v in factors.T:
            seen = np.unique(v[fit])
            if len(seen) < 2:
                continue
            model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=MAX_ITERATIONS))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # a ranking is asked for
                share = model.fit(codes[fit], v[fit]).predict_proba(codes[held])
            areas = [
                roc_auc_score(v[held] == value, column)
                for value, column in zip(seen, share.T, strict=True)
                if 0 < (v[held] == value).sum() < len(held)
            ]
            found += [2 * float(np.mean(areas)) - 1] if areas else []
        return {"score": float(np.mean(found)) if found else float("nan")}
