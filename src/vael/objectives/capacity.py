"""A rate that is held at a capacity."""

import math

import torch
from torch import Tensor

from vael.errors import ConfigError
from vael.models.gather import gather
from vael.models.trace import Loss, Trace
from vael.objectives.base import Objective
from vael.objectives.schedules import BetaSchedule


class Capacity(Objective):
    """``loss = mean of -log p(x|z) + gamma |KL - C(step)|``, C = capacity * schedule(step).

    Eq. 8 of Burgess et al. 2018 (https://arxiv.org/abs/1804.03599), with the mean KL of the batch
    (of all processes), in nats. The rate ends at C where gamma is above the beta for which
    `Elbo` would end there; else it ends where `Elbo` with beta = gamma does, above C.

    Args:
        capacity: C, nats per example, at least 0.
        gamma: weight of the distance, above 0.
        schedule: factor on the capacity by optimiser step.
        num_samples: samples of q per example, at least 1.

    Raises:
        ConfigError: an option is out of range.
    """

    factors: Tensor

    def __init__(
        self, capacity: float, gamma: float, schedule: BetaSchedule, num_samples: int = 1
    ) -> None:
        super().__init__()
        if not (math.isfinite(capacity) and capacity >= 0):
            raise ConfigError(
                f"objective.capacity must be a finite number >= 0 (nats), but got {capacity}."
            )
        if not (math.isfinite(gamma) and gamma > 0):
            raise ConfigError(f"objective.gamma must be a finite number > 0, but got {gamma}.")
        if num_samples < 1:
            raise ConfigError(f"objective.num_samples must be at least 1, but got {num_samples}.")
        self.capacity, self.gamma, self.schedule = capacity, gamma, schedule
        self.num_samples = num_samples
        # by step, so that a captured step, whose number is a tensor, asks no schedule
        table = [schedule(step) for step in range(schedule.warmup_steps + 1)]
        self.register_buffer("factors", torch.tensor(table), persistent=False)

    @property
    def warmup_steps(self) -> int:
        """The optimiser step from which the capacity has its final value."""
        return self.schedule.warmup_steps

    def forward(self, trace: Trace, step: int | Tensor, beta: float | Tensor) -> Loss:
        """Return the loss with the terms ``distortion``, ``rate`` and ``capacity`` (nats)."""
        distortion, rate = -trace.log_px.mean(), trace.rate.mean()
        place = torch.as_tensor(step, device=self.factors.device).long()
        factor = self.factors.take(place.clamp(max=len(self.factors) - 1))
        capacity = self.capacity * factor
        distance = (gather(rate[None]).mean() - capacity).abs()
        terms = {"distortion": distortion, "rate": rate, "capacity": capacity}
        detached = {name: term.detach() for name, term in terms.items()}
        return Loss(distortion + self.gamma * distance, detached)
