"""Floor 8: what a ``logger`` config node makes."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from pytorch_lightning.loggers import Logger


class Board(ABC):
    """A place beside metrics.csv to look at a run; opened on the first process only."""

    @abstractmethod
    def open(self, run: Path, config: Mapping[str, object]) -> Logger | None:
        """Starts logging of this run folder with its flat, dotted config."""

    def catch_up(self, rows: Mapping[int, Mapping[str, float]]) -> None:  # noqa: B027
        """Logs what a killed attempt has logged, and this place may have lost, by step."""

    @abstractmethod
    def pictures(self, images: Mapping[str, Path], step: int) -> None:
        """Shows PNG files by name."""

    @abstractmethod
    def close(self, summary: Mapping[str, float], succeeded: bool) -> None:
        """Writes the final scores and ends the run."""
