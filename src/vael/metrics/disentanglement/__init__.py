"""Score latent codes against the known factors of the data: one score a module."""

from vael.metrics.disentanglement.base import FactorScore
from vael.metrics.disentanglement.batch_scores import BetaVaeScore, FactorVaeScore
from vael.metrics.disentanglement.dci import DCI
from vael.metrics.disentanglement.explicitness import Explicitness
from vael.metrics.disentanglement.mig import MutualInformationGap
from vael.metrics.disentanglement.modularity import Modularity
from vael.metrics.disentanglement.sap import SAP

__all__ = [
    "DCI",
    "SAP",
    "BetaVaeScore",
    "Explicitness",
    "FactorScore",
    "FactorVaeScore",
    "Modularity",
    "MutualInformationGap",
]
