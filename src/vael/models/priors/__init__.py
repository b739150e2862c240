"""Priors over z, p(z): one a module."""

from vael.models.priors.base import Prior
from vael.models.priors.flow import AutoregressivePrior, SplinePrior
from vael.models.priors.normal_mixture import NormalMixture
from vael.models.priors.standard_normal import StandardNormal
from vael.models.priors.vamp import VampPrior

__all__ = [
    "AutoregressivePrior",
    "NormalMixture",
    "Prior",
    "SplinePrior",
    "StandardNormal",
    "VampPrior",
]
