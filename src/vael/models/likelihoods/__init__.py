"""Families over x, p(x|z): one a module, all with a probability mass for data with levels."""

from vael.models.likelihoods.base import Likelihood, sum_event
from vael.models.likelihoods.bernoulli import Bernoulli
from vael.models.likelihoods.beta_binomial import BetaBinomial
from vael.models.likelihoods.categorical import Categorical
from vael.models.likelihoods.continuous_bernoulli import ContinuousBernoulli
from vael.models.likelihoods.gaussian import Gaussian
from vael.models.likelihoods.laplace import Laplace
from vael.models.likelihoods.logistic import Logistic
from vael.models.likelihoods.logistic_mixture import LogisticMixture
from vael.models.likelihoods.mixed import Mixed
from vael.models.likelihoods.student_t import StudentT

__all__ = [
    "Bernoulli",
    "BetaBinomial",
    "Categorical",
    "ContinuousBernoulli",
    "Gaussian",
    "Laplace",
    "Likelihood",
    "Logistic",
    "LogisticMixture",
    "Mixed",
    "StudentT",
    "sum_event",
]
