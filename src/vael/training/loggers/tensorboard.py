"""Logging to TensorBoard."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from pytorch_lightning.loggers import Logger, TensorBoardLogger

from vael.training.loggers.base import Board, require_package


class Tensorboard(Board):
    """Write event files in ``RUN/tensorboard``."""

    def __init__(self) -> None:
        require_package("tensorboard")
        self._logger: TensorBoardLogger | None = None

    def open(self, run: Path, config: Mapping[str, object]) -> Sequence[Logger]:
        """Open Lightning's TensorBoardLogger on the run's folder."""
        self._logger = TensorBoardLogger(run, name="tensorboard", version="")
        text = "\n".join(f"    {name}: {value}" for name, value in config.items())
        self._logger.experiment.add_text("config", text)
        return [self._logger]

    def pictures(self, images: Mapping[str, Path], step: int) -> None:
        """Write one image summary for each picture."""
        assert self._logger is not None
        for name, path in images.items():
            pixels = np.asarray(Image.open(path).convert("RGB"))
            self._logger.experiment.add_image(name, pixels, step, dataformats="HWC")

    def close(self, summary: Mapping[str, float], succeeded: bool) -> None:
        """Write the final scores at step 0 under ``summary/`` and close the file."""
        if self._logger is None:
            return
        for name, value in summary.items():
            self._logger.experiment.add_scalar(f"summary/{name}", value, 0)
        self._logger.finalize("success" if succeeded else "failed")
        self._logger.experiment.close()
