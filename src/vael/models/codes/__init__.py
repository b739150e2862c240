"""Discrete codes: quantisers from vectors to codes, and priors over codes."""

from vael.models.codes.autoregressive import AutoregressiveCodes
from vael.models.codes.finite_scalar import FiniteScalarQuantizer
from vael.models.codes.posterior import CodePosterior, CodeRecord
from vael.models.codes.prior import CodePrior, CodePriorRecord, UniformCodes
from vael.models.codes.quantizer import Quantized, Quantizer
from vael.models.codes.unigram import UnigramCodes
from vael.models.codes.vector import VectorQuantizer

__all__ = [
    "AutoregressiveCodes",
    "CodePosterior",
    "CodePrior",
    "CodePriorRecord",
    "CodeRecord",
    "FiniteScalarQuantizer",
    "Quantized",
    "Quantizer",
    "UniformCodes",
    "UnigramCodes",
    "VectorQuantizer",
]
