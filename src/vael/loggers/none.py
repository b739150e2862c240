"""Floor 8: no board; metrics.csv and report.html are written all the same."""

from collections.abc import Mapping
from pathlib import Path

from pytorch_lightning.loggers import Logger

from vael.loggers.base import Board


class NoLogger(Board):
    """Logs nowhere else."""

    def open(self, run: Path, config: Mapping[str, object]) -> Logger | None:
        """Nothing to open."""
        return None

    def pictures(self, images: Mapping[str, Path], step: int) -> None:
        """Nowhere to show."""

    def close(self, summary: Mapping[str, float], succeeded: bool) -> None:
        """Nothing to close."""
