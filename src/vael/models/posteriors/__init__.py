"""Families over z, q(z|x): one a module."""

from vael.models.posteriors.base import Posterior, PosteriorRecord
from vael.models.posteriors.delta import Delta
from vael.models.posteriors.flow import IAFPosterior, SplinePosterior
from vael.models.posteriors.full_normal import FullNormal
from vael.models.posteriors.laplace import LaplacePosterior
from vael.models.posteriors.normal import Normal
from vael.models.posteriors.student_t import StudentTPosterior

__all__ = [
    "Delta",
    "FullNormal",
    "IAFPosterior",
    "LaplacePosterior",
    "Normal",
    "Posterior",
    "PosteriorRecord",
    "SplinePosterior",
    "StudentTPosterior",
]
