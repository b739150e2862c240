"""Learning-rate schedules by optimiser step or by validation score; torch's own."""

import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from vael.errors import ConfigError

Mode = Literal["min", "max"]
OptimizerFactory = Callable[[Iterable[nn.Parameter] | list[dict[str, Any]]], Optimizer]


class LRSchedule(Protocol):
    """Make the schedule of an optimiser; None leaves the learning rate alone.

    Attributes:
        by_score: stepped once after each validation, with its score, instead of at each
            optimiser step.
    """

    by_score: bool

    def make(self, optimizer: Optimizer, total_steps: int, mode: Mode) -> LRScheduler | None:
        """Return the schedule for so many steps, and a score that is better when ``mode``."""
        ...


@dataclass(frozen=True)
class Fixed:
    """Leave the learning rate at ``optimizer.lr``."""

    by_score = False

    def make(self, optimizer: Optimizer, total_steps: int, mode: Mode) -> LRScheduler | None:
        """Return no schedule."""
        return None


@dataclass(frozen=True)
class Cosine:
    """Warm up linearly, then take half a cosine down to ``final * optimizer.lr`` at the last step.

    Loshchilov and Hutter 2017, Eq. 5 (https://arxiv.org/abs/1608.03983), without restarts.
    """

    warmup_steps: int = 0
    final: float = 0.01
    by_score = False

    def __post_init__(self) -> None:
        if self.warmup_steps < 0 or not 0 <= self.final <= 1:
            raise ConfigError(
                "scheduler.warmup_steps must be >= 0 and scheduler.final in [0, 1], "
                f"but got {self.warmup_steps} and {self.final}."
            )

    def make(self, optimizer: Optimizer, total_steps: int, mode: Mode) -> LRScheduler | None:
        """Return a schedule that is a pure function of the step."""
        if self.warmup_steps >= total_steps:
            raise ConfigError(
                f"scheduler.warmup_steps={self.warmup_steps} must be below the {total_steps} "
                "optimiser steps of this run: lower it or raise trainer.max_epochs."
            )

        def factor(step: int) -> float:
            if step < self.warmup_steps:
                return (step + 1) / self.warmup_steps
            share = (step - self.warmup_steps) / (total_steps - self.warmup_steps)
            return self.final + (1 - self.final) * (1 + math.cos(math.pi * min(1.0, share))) / 2

        return LambdaLR(optimizer, factor)


@dataclass(frozen=True)
class Plateau:
    """Multiply the learning rate by ``factor`` when the score has not improved for a while."""

    factor: float = 0.5
    patience: int = 10
    min_lr: float = 1e-6
    by_score = True

    def __post_init__(self) -> None:
        if not 0 < self.factor < 1 or self.patience < 0 or self.min_lr < 0:
            raise ConfigError(
                "scheduler.factor must be in (0, 1), patience >= 0 and min_lr >= 0, "
                f"but got {self.factor}, {self.patience} and {self.min_lr}."
            )

    def make(self, optimizer: Optimizer, total_steps: int, mode: Mode) -> LRScheduler | None:
        """Return torch's ReduceLROnPlateau with an absolute threshold of 0."""
        return ReduceLROnPlateau(
            optimizer,
            mode=mode,
            factor=self.factor,
            patience=self.patience,
            min_lr=self.min_lr,
            threshold=0.0,
            threshold_mode="abs",
        )


def add_schedule(
    optimizer: Optimizer, schedule: LRSchedule, total_steps: int, monitor: str, mode: Mode
) -> OptimizerLRScheduler:
    """Give Lightning an optimiser with the schedule of a run of ``total_steps``.

    A schedule by score (``monitor``, better when ``mode``) is not stepped by Lightning:
    ``LitVAE.on_train_epoch_end`` steps it.
    """
    made = schedule.make(optimizer, total_steps, mode)
    if made is None:
        return optimizer
    often = sys.maxsize if schedule.by_score else 1
    config = {"scheduler": made, "interval": "step", "frequency": often, "monitor": monitor}
    return {"optimizer": optimizer, "lr_scheduler": config}  # type: ignore[return-value]
