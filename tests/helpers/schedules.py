"""Schedules and an objective that interfere with a run at a step, without a hook of a callback."""

import os
import signal
from dataclasses import dataclass

from vael.objectives import FactorVae, Geco


@dataclass
class SignalAt:
    """Sends SIGTERM to its own process before a step, once; beta stays 1."""

    step: int
    warmup_steps: int = 0

    def __call__(self, step: int) -> float:
        held = signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL  # not before the run begins
        if step == self.step and held:
            os.kill(os.getpid(), signal.SIGTERM)
            self.step = -1
        return 1.0


@dataclass
class ValueAt:
    """1, but ``value`` at one step: not a number makes the loss not finite."""

    step: int
    value: float = float("nan")
    warmup_steps: int = 0

    def __call__(self, step: int) -> float:
        return self.value if step == self.step else 1.0


class StoppedGeco(Geco):
    """GECO that sends SIGTERM to its own process before a step, once."""

    def __init__(self, kappa: float, speed: float, num_samples: int, step: int) -> None:
        super().__init__(kappa, speed, num_samples)
        self.schedule = SignalAt(step)

    def beta(self, step: int) -> float:
        return self.schedule(step)


class StoppedFactorVae(FactorVae):
    """FactorVAE that sends SIGTERM to its own process before a step, once."""

    def __init__(
        self, latent_size: int, gamma: float, width: int, depth: int, lr: float, step: int
    ) -> None:
        super().__init__(latent_size, gamma, width, depth, lr)
        self.schedule = SignalAt(step)

    def beta(self, step: int) -> float:
        return self.schedule(step)


def at(name: str, step: int) -> tuple[str, str]:
    """The overrides that put a schedule of this module into a run."""
    target = f"objective.schedule._target_=helpers.schedules.{name}"
    return target, f"+objective.schedule.step={step}"
