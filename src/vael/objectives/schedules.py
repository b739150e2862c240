"""Beta schedules: pure functions from the optimiser step to a factor in [0, 1].

A schedule multiplies ``objective.beta``; it owns no counter, so validation, resuming and
gradient accumulation cannot move it.
"""

from dataclasses import dataclass
from typing import Protocol

from vael.errors import ConfigError


class BetaSchedule(Protocol):
    """A factor in [0, 1] for each optimiser step."""

    def __call__(self, step: int) -> float:
        """Return the factor at this step."""
        ...

    @property
    def warmup_steps(self) -> int:
        """The first step at which the factor is 1."""
        ...


@dataclass(frozen=True)
class Constant:
    """1 at every step."""

    def __call__(self, step: int) -> float:
        """Return the factor at this step."""
        return 1.0

    @property
    def warmup_steps(self) -> int:
        """The first step at which the factor is 1."""
        return 0


@dataclass(frozen=True)
class Linear:
    """From 0 at step 0 to 1 at ``steps``, then 1 (KL warm-up; Bowman et al. 2016).

    Raises:
        ConfigError: steps is not a positive integer.
    """

    steps: int

    def __post_init__(self) -> None:
        _positive(self.steps, "steps")

    def __call__(self, step: int) -> float:
        """Return the factor at this step."""
        return min(1.0, step / self.steps)

    @property
    def warmup_steps(self) -> int:
        """The first step at which the factor is 1."""
        return self.steps


@dataclass(frozen=True)
class Cyclical:
    """``cycles`` linear ramps, then 1 (Fu et al. 2019, https://arxiv.org/abs/1903.10145, Eq. 6).

    Each cycle of ``period`` steps rises from 0 to 1 in its first ``ramp`` share and stays at 1
    for the rest; after ``cycles`` of them the factor stays at 1.

    Raises:
        ConfigError: period or cycles is not a positive integer, or ramp is not in (0, 1].
    """

    period: int
    cycles: int = 4
    ramp: float = 0.5

    def __post_init__(self) -> None:
        _positive(self.period, "period")
        _positive(self.cycles, "cycles")
        if not 0 < self.ramp <= 1:
            raise ConfigError(
                f"objective.schedule.ramp must be in (0, 1], the rising share of a cycle, "
                f"but got {self.ramp}."
            )

    def __call__(self, step: int) -> float:
        """Return the factor at this step."""
        if step >= self.period * self.cycles:
            return 1.0
        return min(1.0, (step % self.period) / (self.period * self.ramp))

    @property
    def warmup_steps(self) -> int:
        """The step from which the factor is 1 for good."""
        return self.period * (self.cycles - 1) + round(self.period * self.ramp)


def _positive(value: int, name: str) -> None:
    if not isinstance(value, int) or value < 1:
        raise ConfigError(
            f"objective.schedule.{name} must be a positive integer (optimiser steps), "
            f"but got {value!r}."
        )
