"""Learning-rate schedules, torch's own, by optimiser step or by validation score."""

import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from vael.errors import ConfigError

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]


class LRSchedule(Protocol):
    """Makes the schedule of one optimiser; None leaves the learning rate alone.

    Attributes:
        by_score: stepped once after each validation, with its score, instead of at each
            optimiser step.
    """

    by_score: bool

    def make(
        self, optimizer: Optimizer, total_steps: int, mode: Literal["min", "max"]
    ) -> LRScheduler | None:
        """The schedule for a run of ``total_steps`` whose score is better when ``mode``."""
        ...


@dataclass(frozen=True)
class Fixed:
    """The learning rate stays what ``optimizer.lr`` says."""

    by_score = False

    def make(
        self, optimizer: Optimizer, total_steps: int, mode: Literal["min", "max"]
    ) -> LRScheduler | None:
        """No schedule."""
        return None


@dataclass(frozen=True)
class Cosine:
    """Linear warm-up, then half a cosine down to ``final * optimizer.lr`` at the last step.

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

    def make(
        self, optimizer: Optimizer, total_steps: int, mode: Literal["min", "max"]
    ) -> LRScheduler | None:
        """A pure function of the step."""
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
    """Multiplies the learning rate by ``factor`` when the score has not improved for a while."""

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

    def make(
        self, optimizer: Optimizer, total_steps: int, mode: Literal["min", "max"]
    ) -> LRScheduler | None:
        """Torch's ReduceLROnPlateau with an absolute threshold of 0."""
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
    optimizer: Optimizer,
    schedule: LRSchedule,
    total_steps: int,
    monitor: str,
    mode: Literal["min", "max"],
) -> OptimizerLRScheduler:
    """An optimiser and its schedule as Lightning takes them.

    A schedule by score is not stepped by Lightning: ``LitVAE.on_train_epoch_end`` steps it.

    Args:
        optimizer: whose learning rate it is.
        schedule: of that rate.
        total_steps: of the run.
        monitor: the score by which a schedule may go.
        mode: which way it is better.
    """
    made = schedule.make(optimizer, total_steps, mode)
    if made is None:
        return optimizer
    frequency = sys.maxsize if schedule.by_score else 1
    return {
        "optimizer": optimizer,
        "lr_scheduler": {
            "scheduler": made,
            "interval": "step",
            "frequency": frequency,
            "monitor": monitor,
        },
    }
