"""Pictures of the model while it trains, for the board."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytorch_lightning as pl
import torch
from torch import Tensor

from vael.report.draw import draw_pictures, save_pictures
from vael.runs.folder import RunFolder
from vael.training.loggers.base import Board
from vael.training.module import LitVAE


@dataclass(eq=False)
class Pictures(pl.Callback):
    """Draw every n epochs, or ``growing``: after 1, 2, 4, 8, ..., and show it on the board.

    What is drawn lies in ``RUN/images``. Draws from own generators only, so a run with pictures
    equals one without to the bit.
    """

    run: Path
    board: Board
    x: Tensor
    y: Tensor | None
    seed: int
    every_n_epochs: int | Literal["growing"]
    scatter: bool
    columns: Sequence[str] = ()
    real: bool = False
    told: Tensor | None = None

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draw on the first process."""
        if not trainer.is_global_zero or not self.is_due(trainer.current_epoch + 1):
            return
        assert isinstance(pl_module, LitVAE)
        self.draw(pl_module, trainer.global_step)

    def is_due(self, epochs: int) -> bool:
        """Tell whether to draw after so many epochs."""
        if self.every_n_epochs == "growing":
            return epochs.bit_count() == 1
        return epochs % self.every_n_epochs == 0

    @torch.no_grad()
    def draw(self, lit: LitVAE, step: int) -> dict[str, Path]:
        """Draw, save and show all pictures of the model as it is."""
        was_training = lit.training
        lit.eval()
        x = self.x.to(lit.device)
        c = lit.vae.context(None if self.told is None else self.told.to(lit.device))
        prior = lit.vae.prior(None if c is None else c[:1])
        about = (self.seed, self.scatter, self.columns, self.real, c)
        images = draw_pictures(lit.vae, prior, x, self.y, *about)
        lit.train(was_training)
        saved = {path.stem: path for path in save_pictures(images, RunFolder(self.run).images)}
        self.board.pictures(saved, step)
        return saved
