"""Reasons why a run takes Lightning's single steps instead of groups of its own."""

from collections.abc import Iterator

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint

from vael.training.average import Averaging
from vael.training.profiler import RunProfiler
from vael.training.update import FusedAdam

STEP_HOOKS = (
    *("on_train_batch_start", "on_before_zero_grad", "on_before_backward"),
    *("on_after_backward", "on_before_optimizer_step", "on_train_batch_end"),
)


def find_reason(trainer: pl.Trainer, most: int | None) -> str | None:
    """Return the first reason for single steps, or None where groups give the same run."""
    return next(_find_reasons(trainer, most), None)


def _find_reasons(trainer: pl.Trainer, most: int | None) -> Iterator[str]:
    if most == 1:
        yield "trainer.group=1"
    if trainer.world_size > 1:
        yield f"there are {trainer.world_size} processes"
    if trainer.accumulate_grad_batches > 1:
        yield f"trainer.accumulate_grad_batches={trainer.accumulate_grad_batches}"
    if isinstance(trainer.profiler, RunProfiler):  # type: ignore[attr-defined]
        yield "trainer.profiler times each step"
    if trainer._detect_anomaly:
        yield "trainer.detect_anomaly looks at each step"
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        hooks = list_step_hooks(callback)
        if hooks and not _is_content(callback, hooks):
            yield f"the callback {type(callback).__name__} has the hook {hooks[0]}"
        if isinstance(callback, Averaging) and callback.has_integers:
            yield "callbacks.ema averages a buffer of whole numbers"
    optimizer, module = trainer.optimizers[0], trainer.lightning_module
    if not FusedAdam.fits(optimizer):
        yield f"{type(optimizer).__name__} is no Adam or AdamW with optimizer.fused=true"
    known = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if known != {id(p) for p in module.parameters()}:
        yield "some parameters are not the optimiser's"


def list_step_hooks(callback: pl.Callback) -> list[str]:
    """Return which hooks of a training step a callback has."""
    return [
        name
        for name in STEP_HOOKS
        if callable(getattr(callback, name))
        and (
            name in vars(callback)
            or getattr(type(callback), name) is not getattr(pl.Callback, name)
        )
    ]


def _is_content(callback: pl.Callback, hooks: list[str]) -> bool:
    """Return whether it is enough to call a callback at the end of a group."""
    own = type(callback).on_train_batch_end
    of_lightning = hooks == ["on_train_batch_end"] and own is ModelCheckpoint.on_train_batch_end
    return of_lightning or getattr(callback, "per_group", False) is True


def list_visits(trainer: pl.Trainer) -> list[int]:
    """Return after how many steps, and multiples of them, a callback has to be called."""
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    found = [getattr(c, "every_n_steps", None) for c in callbacks]
    found += [c._every_n_train_steps for c in callbacks if isinstance(c, ModelCheckpoint)]
    return [steps for steps in found if steps]
