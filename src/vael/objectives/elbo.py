"""The evidence lower bound, its rate weighted by beta."""

import math

from torch import Tensor

from vael.errors import ConfigError
from vael.models.trace import Loss, Trace
from vael.objectives.base import Objective
from vael.objectives.schedules import BetaSchedule


class Elbo(Objective):
    """``loss = mean over S, B of  -log p(x|z) + beta(step) * KL(q(z|x) || p(z))``.

    Eq. 4 of Higgins et al. 2017 (https://openreview.net/forum?id=Sy2fzU9gl); beta = 1 is the
    negative ELBO of Kingma and Welling 2014 (Eq. 3). Both terms are summed over pixels,
    channels and latent dimensions and averaged over the batch, in nats, so that beta does not
    change its meaning with the size of the image or of the latent.

    Args:
        beta: weight of the rate, at least 0.
        schedule: factor on beta by optimiser step (warm-up).
        num_samples: samples of q per example, at least 1.

    Raises:
        ConfigError: beta is negative or not finite, or num_samples is below 1.
    """

    takes_codes = True

    def __init__(self, beta: float, schedule: BetaSchedule, num_samples: int = 1) -> None:
        super().__init__()
        if not (math.isfinite(beta) and beta >= 0):
            raise ConfigError(f"objective.beta must be a finite number >= 0, but got {beta}.")
        if num_samples < 1:
            raise ConfigError(f"objective.num_samples must be at least 1, but got {num_samples}.")
        self.final_beta = float(beta)
        self.schedule = schedule
        self.num_samples = num_samples

    def beta(self, step: int) -> float:
        """Return the weight of the rate at this optimiser step."""
        return self.final_beta * self.schedule(step)

    @property
    def warmup_steps(self) -> int:
        """The optimiser step from which beta has its final value."""
        return self.schedule.warmup_steps

    def forward(self, trace: Trace, step: int | Tensor, beta: float | Tensor) -> Loss:
        """Return the loss with the terms ``distortion`` and ``rate`` (nats per example)."""
        distortion = -trace.log_px.mean()
        rate = trace.rate.mean()
        value = distortion + beta * rate
        return Loss(value, {"distortion": distortion.detach(), "rate": rate.detach()})
