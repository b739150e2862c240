"""The mutual information gap."""

import numpy as np

from vael.metrics.disentanglement.base import Codes, Factors, FactorScore
from vael.metrics.disentanglement.information import entropies, mutual_informations


class MutualInformationGap(FactorScore):
    """``MIG = mean over j of  (I(z_(1); v_j) - I(z_(2); v_j)) / H(v_j)``.

    z_(1) and z_(2) are the two dimensions that know most of factor j (Chen et al. 2018,
    https://arxiv.org/abs/1802.04942, Eq. 6): 1 where each factor has one dimension to itself, 0
    where two share it. A code of one dimension has nothing in second place. Factors that do not
    vary are left out. Idle dimensions change nothing but the small bias of the counts.

    Returns:
        ``score``.
    """

    def score(self, codes: Codes, factors: Factors) -> dict[str, float]:
        """Return the mean gap over the factors that vary."""
        known, whole = mutual_informations(codes, factors), entropies(factors)
        ranked = np.sort(np.vstack([np.zeros_like(known[:1]), known]), 0)
        varied = whole > 0
        gaps = (ranked[-1] - ranked[-2])[varied] / whole[varied]
        return {"score": float(gaps.mean()) if varied.any() else float("nan")}
