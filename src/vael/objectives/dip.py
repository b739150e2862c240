"""The covariance of the aggregate posterior held at the identity."""

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from vael.errors import ConfigError
from vael.models.gather import gather
from vael.models.posteriors.full_normal import FullNormalRecord
from vael.models.posteriors.location_scale import LocationScaleRecord
from vael.models.posteriors.normal import NormalRecord
from vael.models.trace import LatentRecord, Loss, Trace, only_layer
from vael.objectives.base import Objective

Variant = Literal[1, 2]


class Dip(Objective):
    """The negative ELBO and the distance of a covariance C of the latents to the identity.

        loss = mean over B of  distortion + rate
               + lambda_od sum over i != j of C_ij^2 + lambda_d sum over i of (C_ii - 1)^2

    DIP-VAE of Kumar et al. 2018 (https://arxiv.org/abs/1711.00848): for DIP-VAE-I (``variant=1``,
    Eq. 6) C is the covariance over the examples of E[z|x], for DIP-VAE-II (``variant=2``, Eq. 7)
    that of q(z), ``Cov[E[z|x]] + E[Cov[z|x]]``. The first covariance is estimated by a batch of
    B with ``1 / (B - 1)``, without bias (its squares have one). Batches of several devices are
    joined.

    Args:
        variant: 1 or 2.
        lambda_od: weight of the squared covariances, at least 0.
        lambda_d: weight of the variances' squared distances to 1, at least 0.

    Raises:
        ConfigError: an option is out of range; in ``forward``: ``variant=2`` and q(z|x) has no
            covariance in closed form.
    """

    smallest_batch = 2

    def __init__(
        self, variant: Variant = 2, lambda_od: float = 10.0, lambda_d: float = 10.0
    ) -> None:
        super().__init__()
        if variant not in get_args(Variant):
            raise ConfigError(f"objective.variant must be 1 or 2, but got {variant!r}.")
        for name, weight in {"lambda_od": lambda_od, "lambda_d": lambda_d}.items():
            if not (math.isfinite(weight) and weight >= 0):
                raise ConfigError(
                    f"objective.{name} must be a finite number >= 0, but got {weight}."
                )
        self.variant, self.lambda_od, self.lambda_d = variant, lambda_od, lambda_d

    def forward(self, trace: Trace, step: int | Tensor, beta: float | Tensor) -> Loss:
        """Return the loss with distortion, rate (nats) and the two unweighted penalties."""
        covariance = self.covariance(only_layer(trace, "objective=dip").q)
        distortion, rate = -trace.log_px.mean(), trace.rate.mean()
        variances = covariance.diagonal()
        off_diagonal = (covariance - torch.diag(variances)).square().sum()
        diagonal = (variances - 1).square().sum()
        value = distortion + rate + self.lambda_od * off_diagonal + self.lambda_d * diagonal
        terms = {"distortion": distortion, "rate": rate}
        terms |= {"off_diagonal": off_diagonal, "diagonal": diagonal}
        return Loss(value, {name: term.detach() for name, term in terms.items()})

    def covariance(self, q: LatentRecord) -> Tensor:
        """Return C, ``(d, d)``, of the examples of all devices."""
        means = gather(q.mean.flatten(1))
        centred = means - means.mean(0)
        with torch.autocast(means.device.type, enabled=False):  # products in full precision
            covariance = centred.T @ centred / max(len(means) - 1, 1)
            if self.variant == 1:
                return covariance
            return covariance + gather(_mean_covariance(q)[None]).mean(0)


def _mean_covariance(q: LatentRecord) -> Tensor:
    """Return the mean over the examples of this device of Cov[z|x], ``(d, d)``."""
    if isinstance(q, FullNormalRecord):
        factor = q.tril
        return (factor @ factor.mT).mean(0)
    if isinstance(q, NormalRecord | LocationScaleRecord):
        return torch.diag(q.sigma.square().flatten(1).mean(0))
    raise ConfigError(
        "objective=dip with variant=2 needs the covariance of q(z|x), which posterior=normal, "
        "full_normal, laplace and student_t have; for any other use objective.variant=1."
    )
