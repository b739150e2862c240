"""Anomaly detection: the module or operator that a NaN comes from (trainer.detect_anomaly)."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from vael.errors import NonFiniteLoss

FRAME = re.compile(r'File "([^"]+)", line (\d+), in (\S+)\n\s+(.*)')
MACHINERY = ("/torch/", "/pytorch_lightning/", "/lightning_fabric/")


class Anomaly(pl.Callback):
    """Stop at the first module whose output is not finite in training, and name it.

    torch's own detection sees gradients only: after a NaN in the forward pass it names whatever
    comes first on the way back, far from where the NaN came from.
    """

    def __init__(self) -> None:
        self._handles: list[RemovableHandle] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Watch every module of the model."""
        for name, module in pl_module.named_modules():
            if name:
                watch = partial(_watch, trainer, name)
                self._handles.append(module.register_forward_hook(watch))

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Watch no longer."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()


def _watch(trainer: pl.Trainer, name: str, module: nn.Module, inputs: Any, output: Any) -> None:
    bad = _not_finite(output)
    if not (module.training and bad):
        return
    weights = [
        f"its {key} has {found}"
        for key, value in module.named_parameters(recurse=False)
        if (found := _not_finite(value))
    ]
    given = next(filter(None, map(_not_finite, inputs)), "")
    cause = weights or ([f"its input has {given}"] if given else ["its input and weights do not"])
    raise NonFiniteLoss(
        f"{name} ({type(module).__name__}) gave {bad} {_where(trainer)}; {' and '.join(cause)}."
    )


def _not_finite(value: object) -> str:
    """Return how many values are not finite, or nothing."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return ""
    count = int((~torch.isfinite(value)).sum())
    return f"{count} of {value.numel()} values that are not finite" if count else ""


def _where(trainer: pl.Trainer) -> str:
    return f"at step {trainer.global_step} (epoch {trainer.current_epoch})"


@contextmanager
def locate_nan_gradient(trainer: pl.Trainer) -> Iterator[None]:
    """Make torch's report of a NaN gradient one line, with the line that computed forward.

    torch raises the operator's name, but sends the traceback of its forward call as a warning.

    Raises:
        NonFiniteLoss: instead of torch's RuntimeError.
    """
    traces: list[str] = []
    show = warnings.showwarning

    def keep(message: Any, *others: Any, **more: Any) -> None:
        if str(message).startswith("Error detected in"):
            traces.append(str(message))
        else:
            show(message, *others, **more)

    with warnings.catch_warnings():
        warnings.filterwarnings("always", "Error detected in", UserWarning)
        warnings.showwarning = keep
        try:
            yield
        except RuntimeError as error:
            if "returned nan values" not in str(error):
                raise
            frames = [
                frame
                for trace in traces
                for frame in FRAME.findall(trace)
                if not any(part in Path(frame[0]).as_posix() for part in MACHINERY)
            ]
            line = "{}:{}, in {}: {}".format(*frames[-1]) if frames else "an unknown line"
            raise NonFiniteLoss(
                f"the gradient is NaN {_where(trainer)}: {error} It belongs to {line}"
            ) from error
