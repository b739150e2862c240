"""Logging to no board; metrics.csv and report.html are written all the same."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pytorch_lightning.loggers import Logger

from vael.training.loggers.base import Board


class NoLogger(Board):
    """Log nowhere else."""

    def open(self, run: Path, config: Mapping[str, object]) -> Sequence[Logger]:
        """Open nothing."""
        return []

    def pictures(self, images: Mapping[str, Path], step: int) -> None:
        """Show nothing."""

    def close(self, summary: Mapping[str, float], succeeded: bool) -> None:
        """Close nothing."""
