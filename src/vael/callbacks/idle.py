"""Floor 8: hooks that do nothing are not called."""

from collections.abc import Iterable
from typing import Any

import pytorch_lightning as pl

STEP = (
    "on_train_batch_start",
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
    "on_train_batch_end",
)


def leave_out_idle_hooks(callbacks: Iterable[pl.Callback], module: pl.LightningModule) -> None:
    """Takes the hooks of a training step that are Lightning's own, empty ones from these objects.

    Lightning calls every hook of every callback at each step, and enters a context for each: of
    a dozen callbacks most do nothing in a step, and that took as long as a small decoder. What
    is not callable it passes over.
    """
    for callback in callbacks:
        _take(callback, pl.Callback)
    _take(module, pl.LightningModule)


def _take(of: Any, base: type) -> None:
    for name in STEP:
        if name not in vars(of) and getattr(type(of), name) is getattr(base, name):
            setattr(of, name, None)
