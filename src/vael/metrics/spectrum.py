"""Floor 6: what each latent dimension carries, and how many carry anything."""

from dataclasses import dataclass

from torch import Tensor

from vael.metrics.scores import ACTIVE_THRESHOLD
from vael.models.posteriors.base import PosteriorRecord
from vael.models.trace import LatentRecord


@dataclass(frozen=True)
class Spectrum:
    """The rate by latent dimension, and the variation of the posterior means.

    Attributes:
        kl: mean over the data of KL(marginal of q(z|x) || marginal of p(z)) by dimension, nats,
            in the model's order; None where it has no closed form.
        remainder: the mean rate less the sum of ``kl``, nats: 0 for a factorised posterior, the
            mean total correlation of q(z|x) for one with a full covariance; None like ``kl``.
        variance: Var_x(E_q[z]) by dimension.
        active_units: how many of those are above ``threshold`` (Burda et al. 2016, Section 5.2,
            https://arxiv.org/abs/1509.00519).
        threshold: 0.01.
    """

    kl: list[float] | None
    remainder: float | None
    variance: list[float]
    active_units: int
    threshold: float = ACTIVE_THRESHOLD


def spectrum(q: PosteriorRecord, p: LatentRecord) -> Spectrum:
    """Splits the mean rate of N examples over the latent dimensions.

    Args:
        q: the posteriors, leading dimension ``(N,)``.
        p: the prior, without leading dimensions.
    """
    variance = q.mean.flatten(1).double().var(0, correction=0)
    factors, rate = q.factors(p), q.kl(p)
    kl = _mean_over_data(factors) if factors is not None and rate is not None else None
    return Spectrum(
        kl=None if kl is None else kl.tolist(),
        remainder=None if kl is None or rate is None else float(rate.double().mean() - kl.sum()),
        variance=variance.tolist(),
        active_units=int((variance > ACTIVE_THRESHOLD).sum()),
    )


def _mean_over_data(factors: Tensor) -> Tensor:
    return factors.flatten(1).double().mean(0)
