"""Steps on a GPU: queued without waiting, captured where that can be, looked at once a group."""

import logging
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Literal

import torch
from torch import Tensor

from vael.training.capture import CudaGraph, State, StepGraph, capture_step
from vael.training.eager import GROUP_SECONDS
from vael.training.inputs import Inputs
from vael.training.step import Now, Step

log = logging.getLogger("vael")
FIRST = 8  # steps of the first group: how long one takes is not known yet


class DeviceSteps:
    """Queue a group of steps, then read what became of each.

    Eager and captured steps run the same operators on the same tables. Every step of a captured
    run is a replay: the warm-up works on a state that is put back.

    Args:
        step: one optimiser step.
        inputs: tables of what differs from step to step.
        captures: whether to try.
        make_graph: of the generators that a step draws from.
    """

    def __init__(
        self,
        step: Step,
        inputs: Inputs,
        captures: bool,
        make_graph: Callable[..., StepGraph] = CudaGraph,
    ) -> None:
        self.step, self.inputs, self.captures, self.make_graph = step, inputs, captures, make_graph
        self.room = FIRST
        self._graph: StepGraph | None = None
        self._draws = step.lit.draws(0, 0)
        self._rows = torch.empty(0)

    @property
    def mode(self) -> Literal["captured", "grouped"]:
        """How steps are taken."""
        return "grouped" if self._graph is None else "captured"

    def take(
        self, epoch: int, first: int, most: int, plan: Iterator[Now]
    ) -> Iterator[tuple[list[Now], Tensor]]:
        """Take ``most`` steps; yield the numbers of all and their rows (see `Step`).

        Args:
            epoch: of the batches.
            first: number of the first batch in its epoch.
            most: steps to take, at most `room`.
            plan: the numbers of the coming steps.
        """
        numbers = list(islice(plan, most))
        self.inputs.load(numbers)
        if self.captures:
            self.captures = False
            self._capture(epoch, first)
        began, averaging = time.monotonic(), self.step.averaging
        for batch in range(first, first + most):
            self.step.lit.draws(epoch, batch)
            self.inputs.feed()
            if self._graph is None:
                self._body()
            else:
                self._graph.replay()
            if averaging is not None:
                averaging.settle()
        self.step.queue_norm()
        self.inputs.loader.look_ahead()  # while the device is at work
        rows = self._rows[:most].cpu()  # waits for the device
        each = (time.monotonic() - began) / most
        self.room = max(1, min(self.inputs.most, int(GROUP_SECONDS / each)))
        yield numbers, rows

    def _body(self) -> None:
        """Take one step and keep its row."""
        x, context, now = self.inputs.read()
        row = self.step(x, self._draws, now, context=context)
        if not len(self._rows):
            self._rows = row.new_zeros(self.inputs.most, len(row))
        self._rows.index_copy_(0, self.inputs.at, row[None])
        self.inputs.at += 1

    def _capture(self, epoch: int, first: int) -> None:
        """Capture the step, or say why it stays eager."""
        lit, device = self.step.lit, self.inputs.at.device
        graph = self.make_graph(*self._draws)
        state = State(lambda: [*self.step.tensors(), self.inputs.at], device)
        reason = capture_step(
            graph,
            body=self._body,
            seed=lambda: lit.draws(epoch, first),
            result=lambda: [*self._rows[0].tolist(), self.step.norm(self._rows[0])],
            state=state,
            model=lit,
        )
        if reason is None:
            self._graph = graph
        else:
            log.warning("training is not captured in a CUDA graph, since %s", reason)
