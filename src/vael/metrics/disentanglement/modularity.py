"""Whether a dimension carries one factor at most."""

import numpy as np

from vael.metrics.disentanglement.base import Codes, Factors, FactorScore
from vael.metrics.disentanglement.information import mutual_informations


class Modularity(FactorScore):
    """``1 - sum over j != j* of I_ij^2 / (I_ij*^2 (F - 1))``, j* the factor z_i knows most of.

    Ridgeway and Mozer 2018 (https://arxiv.org/abs/1802.05312), Section 3: 1 where dimension i
    carries one factor, 0 where it carries all of them alike.

    Returns:
        ``score``: the mean over the dimensions, as published: idle dimensions, whose ratios are
        noise, count like the others.
        ``fair``: the mean weighted by I_ij*, which idle dimensions leave alone: codes of
        different sizes can be compared.
    """

    def score(self, codes: Codes, factors: Factors) -> dict[str, float]:
        """Return both means; with a single factor both are 1."""
        known = mutual_informations(codes, factors)
        most = known.max(1)
        if known.shape[1] == 1:
            return {"score": 1.0, "fair": 1.0}
        with np.errstate(invalid="ignore", divide="ignore"):
            others = (known**2).sum(1) / most**2 - 1
        own = np.where(most > 0, 1 - others / (known.shape[1] - 1), 0.0)
        total = most.sum()
        return {
            "score": float(own.mean()),
            "fair": float((own * most).sum() / total) if total > 0 else 0.0,
        }
