"""Training in groups of steps: Lightning's hooks run only where somebody has to look.

A group ends at a row of the log, a checkpoint, the end of the epoch, a signal, or after a quarter
of a second. There every counter of Lightning is what it would be after that many single steps, so
that the checkpoint of a group is the one of single steps. Only this module touches Lightning's
private names; `tests/unit/training/test_groups.py` says when they have changed.
"""

import logging
import math
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.loops.training_epoch_loop import _TrainingEpochLoop
from pytorch_lightning.trainer import call
from torch import Tensor

from vael.data.batches import TrainBatches
from vael.distributed.lightning import is_first
from vael.distributed.signals import TrainingStopRequest
from vael.training.average import Averaging
from vael.training.check_compiled import find_fault
from vael.training.device_steps import DeviceSteps
from vael.training.eager import EagerSteps
from vael.training.inputs import Inputs
from vael.training.module import LitVAE
from vael.training.nonfinite import describe_bad_step
from vael.training.single_steps import find_reason, list_visits
from vael.training.step import Now, Step, StepOptions
from vael.training.update import FusedAdam

log = logging.getLogger("vael")


class GroupedEpochLoop(_TrainingEpochLoop):
    """Lightning's loop over the batches of an epoch, many steps at a time.

    Args:
        trainer: whose loop it becomes.
        stop: what signals are remembered in.
        most: steps of a group; None: no bound; 1: Lightning's own single steps.
        captures: whether a GPU captures its steps, where it can.
    """

    def __init__(
        self,
        trainer: pl.Trainer,
        stop: TrainingStopRequest,
        most: int | None = None,
        captures: bool = True,
    ) -> None:
        old = trainer.fit_loop.epoch_loop
        super().__init__(trainer, old.min_steps, old.max_steps)
        self.stop, self.most, self.captures = stop, most, captures
        self._begun = False
        self._steps: EagerSteps | DeviceSteps | None = None
        self._visits: list[int] = []
        self._taken = 0  # steps of the group

    def advance(self, data_fetcher: Any) -> None:
        """Take a group of steps, or one through Lightning."""
        steps, room = self._begin(), self._room(data_fetcher)
        if steps is None or room < 1:
            super().advance(data_fetcher)
            return
        room = min(room, steps.room)
        trainer, lit, first = self.trainer, self._lit, self.batch_idx + 1
        self.val_loop.restarting = False
        call._call_callback_hooks(trainer, "on_train_batch_start", None, first)
        self._taken = 0
        try:
            for plan, rows in steps.take(trainer.current_epoch, first, room, self._plan()):
                self._account(steps.step, plan, rows)
        finally:
            self._count(data_fetcher)
        if steps.step.averaging is not None:
            steps.step.averaging.count(self._taken, self.global_step)
        if self.global_step % lit.options.log_every_n_steps == 0:
            loss, norm, now = float(rows[-1, 0]), steps.step.norm(rows[-1]), plan[-1]
            lit.write_step(self.global_step, loss, float(now.rates[0]), norm)
        last = first + self._taken - 1
        call._call_callback_hooks(trainer, "on_train_batch_end", {}, None, last)
        trainer._logger_connector.on_batch_end()
        self.batch_progress.increment_completed()
        trainer._logger_connector.update_train_step_metrics()

    @property
    def mode(self) -> str | None:
        """How steps are taken: ``captured``, ``grouped`` or ``single``; None before the first."""
        if not self._begun:
            return None
        return "single" if self._steps is None else self._steps.mode

    @property
    def _lit(self) -> LitVAE:
        module = self.trainer.lightning_module
        assert isinstance(module, LitVAE)
        return module

    def _begin(self) -> EagerSteps | DeviceSteps | None:
        """Return how the steps are taken, or None for Lightning's; found out once, and said."""
        if not self._begun:
            self._begun = True
            self._check_compiled()
            reason = find_reason(self.trainer, self.most)
            if reason is None:
                self._visits = [self._lit.options.log_every_n_steps, *list_visits(self.trainer)]
                self._steps = self._make_steps()
            elif is_first():
                slower = logging.WARNING if self._lit.device.type == "cuda" else logging.INFO
                log.log(slower, "training in single steps, since %s", reason)
        return self._steps

    def _check_compiled(self) -> None:
        """Have the plain loss train where the compiled one cannot, and say so."""
        lit, loader = self._lit, self.trainer.train_dataloader
        if lit.compiled is None or not isinstance(loader, TrainBatches):
            return
        batch = loader.example()
        told = None if batch.context is None else batch.context.to(lit.device)
        fault = find_fault(lit, batch.x.to(lit.device), told, self.trainer.precision_plugin)
        if self.trainer.strategy.reduce_boolean_decision(fault is None, all=True):
            return
        lit.compiled = None
        if is_first():
            fault = fault or "the compiled loss is wrong in another process"
            log.warning("training is not compiled, since %s", fault)

    def _make_steps(self) -> EagerSteps | DeviceSteps:
        trainer, lit = self.trainer, self._lit
        callbacks: list[pl.Callback] = trainer.callbacks
        averaging = next((c for c in callbacks if isinstance(c, Averaging)), None)
        if averaging is not None:
            averaging.take_over(lit)
        options = StepOptions(trainer.gradient_clip_val, lit.options.skip_gradient_above)
        optimizer, precision = trainer.optimizers[0], trainer.precision_plugin
        updates = [FusedAdam(optimizer, n) for n in range(len(optimizer.param_groups))]
        step = Step(lit, updates, precision, options, averaging)
        loader = trainer.train_dataloader
        assert isinstance(loader, TrainBatches)
        if lit.device.type == "cuda":
            return DeviceSteps(step, Inputs(loader, lit.device, len(updates)), self.captures)
        return EagerSteps(step, loader, self.stop)

    def _room(self, data_fetcher: Any) -> int:
        """Return how many steps there are until somebody has to look; 0: Lightning decides."""
        if self.restarting and self._should_check_val_fx(data_fetcher):
            return 0
        left = int(self.trainer.num_training_batches) - self.batch_progress.current.ready
        until = [every - self.global_step % every for every in self._visits]
        return min(left, *until, self.most or left)

    def _plan(self) -> Iterator[Now]:
        """Yield the numbers of the coming steps; each moves the schedule of the learning rate."""
        objective, optimizer = self._lit.objective, self.trainer.optimizers[0]
        configs = self.trainer.lr_scheduler_configs
        schedules = [config for config in configs if config.frequency == 1]  # not by the score
        for step in count(self.global_step):
            rates = [group["lr"] for group in optimizer.param_groups]
            now = Now(rates, objective.beta(step), step)
            for config in schedules:
                self.scheduler_progress.increment_ready()
                config.scheduler.step()
                self.scheduler_progress.increment_completed()
            yield now

    def _account(self, step: Step, plan: Sequence[Now], rows: Tensor) -> None:
        """Add steps to the epoch's means, and refuse one that could not be taken.

        Args:
            step: that has taken them.
            plan: the numbers of each.
            rows: ``(steps, width)`` on the host: the row of each.

        Raises:
            NonFiniteLoss: a loss is not finite, or too many steps in a row were left out.
        """
        lit, limit = self._lit, step.options.limit
        terms = rows[:, : 1 + len(step.names)]
        lit.means.add_rows(terms, step.names)
        finite = [math.isfinite(loss) for loss in terms[:, 0].tolist()]
        if limit is None and all(finite):
            self._taken += len(plan)
            return
        for number, now in enumerate(plan):
            norm, complaint = math.nan, ""
            if limit is not None:
                norm = step.norm(rows[number])
                skipped = lit.skipped.leaves_out(norm, limit)
                complaint = lit.skipped.complaint(limit) if skipped else ""
            if complaint or (step.stops_at_bad and not finite[number]):
                every, place = terms[number : number + 1].double(), lit.place(int(now.step))
                rate = float(now.rates[0])
                raise describe_bad_step(every, step.names, place, rate, norm, complaint)
            self._taken += 1

    def _count(self, data_fetcher: Any) -> None:
        """Count what Lightning would have counted until the last step's on_train_batch_end."""
        steps, optimizer = self._taken, self.automatic_optimization.optim_progress.optimizer
        for step in (optimizer.step.total, optimizer.step.current):
            step.increment_by(steps)
        for zeroed in (optimizer.zero_grad.total, optimizer.zero_grad.current):
            zeroed.increment_by(steps)
        data_fetcher.fetched += steps
        data_fetcher.done = data_fetcher.fetched >= data_fetcher.length
        self.batch_progress.is_last_batch = data_fetcher.done
        batches: Any
        for batches in (self.batch_progress.total, self.batch_progress.current):
            batches.ready += steps
            batches.started += steps
            batches.processed += steps
            batches.completed += max(steps - 1, 0)
        self._batches_that_stepped += steps - 1  # on_advance_end adds the last one
        self.trainer._logger_connector.on_batch_start(None)
