"""Steps one after another, each looked at when it is done: on a CPU nothing is waiting."""

import sys
import time
from collections.abc import Iterator
from typing import Literal

from torch import Tensor

from vael.data.batches import TrainBatches
from vael.distributed.signals import TrainingStopRequest
from vael.training.faded import clear_faded
from vael.training.step import Now, Step

GROUP_SECONDS = 0.25
"""Longest time of a group: a signal and a lost folder are noticed within a second."""


class EagerSteps:
    """Take steps with the batches of a loader until a signal, or for a quarter of a second.

    Args:
        step: one optimiser step.
        loader: gives the batches, and is moved on by each.
        stop: what signals are remembered in.
    """

    mode: Literal["grouped"] = "grouped"
    room = sys.maxsize

    def __init__(self, step: Step, loader: TrainBatches, stop: TrainingStopRequest) -> None:
        self.step, self.loader, self.stop = step, loader, stop

    def take(
        self, epoch: int, first: int, most: int, plan: Iterator[Now]
    ) -> Iterator[tuple[list[Now], Tensor]]:
        """Yield the numbers of a step and its row ``(1, width)`` (see `Step`).

        Args:
            epoch: of the batches.
            first: number of the first batch in its epoch.
            most: steps to take.
            plan: the numbers of the coming steps.
        """
        began, lit, averaging = time.monotonic(), self.step.lit, self.step.averaging
        for number in range(first, first + most):
            now, batch = next(plan), self.loader.next()
            row = self.step(batch.x, lit.draws(epoch, number), now, context=batch.context)
            clear_faded(self.step.updates[0].optimizer, int(now.step) + 1)
            if averaging is not None:
                averaging.settle()
            yield [now], row[None]
            if self.stop.number or time.monotonic() - began > GROUP_SECONDS:
                return
