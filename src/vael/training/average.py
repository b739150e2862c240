"""An exponential moving average of the weights that steps in a group, or captured, may update."""

from itertools import chain

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EMAWeightAveraging
from torch import Tensor, nn


class Averaging(EMAWeightAveraging):
    """Lightning's average, ``a <- decay a + (1 - decay) w`` after each step, the first a copy.

    Lightning updates it after each batch, one tensor at a time; here a step may do that itself,
    for all tensors together and to the bit the same. Checkpoints are Lightning's.

    Args:
        decay: of the average, in (0, 1).
    """

    per_group = True

    def __init__(self, decay: float) -> None:
        super().__init__(decay=decay)
        self.decay = decay
        self._fresh = False
        self._average: list[Tensor] = []
        self._weights: list[Tensor] = []

    @property
    def state_key(self) -> str:
        """As Lightning's own, so that its checkpoints are read."""
        return EMAWeightAveraging.__qualname__

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Move the average to the module's device; Lightning has made it before that was there."""
        assert self._average_model is not None
        self._average_model.to(pl_module.device)

    def take_over(self, module: pl.LightningModule) -> None:
        """Let steps update the average of this module, by `update` and `settle`."""
        model = self._average_model
        assert model is not None
        self._fresh = int(model.n_averaged) == 0
        self._average, self._weights = _values(model.module), _values(module)

    @property
    def has_integers(self) -> bool:
        """Whether an averaged tensor holds whole numbers, which `update` would not round."""
        assert self._average_model is not None
        return not all(value.is_floating_point() for value in _values(self._average_model.module))

    def tensors(self) -> list[Tensor]:
        """Return what `update` changes."""
        return self._average

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the weights."""
        torch._foreach_mul_(self._average, self.decay)
        torch._foreach_add_(self._average, torch._foreach_mul(self._weights, 1 - self.decay))

    @torch.no_grad()
    def settle(self) -> None:
        """Make the average a copy of the weights after the very first step."""
        if self._fresh:
            torch._foreach_copy_(self._average, self._weights)
            self._fresh = False

    def count(self, steps: int, global_step: int) -> None:
        """Count steps that have updated the average, so that the hook does not do it again."""
        assert self._average_model is not None
        self._average_model.n_averaged += steps
        self._latest_update_step = global_step


def _values(module: nn.Module) -> list[Tensor]:
    return [value.detach() for value in chain(module.parameters(), module.buffers())]
