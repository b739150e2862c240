"""Base class of what a ``logger`` config node makes."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from pytorch_lightning.loggers import Logger

from vael.errors import ConfigError


def require_package(name: str) -> None:
    """Refuse a board whose package of the same name is not installed.

    Raises:
        ConfigError: it is not.
    """
    if find_spec(name) is None:
        raise ConfigError(
            f"logger={name} needs the package {name}: pip install {name}; logger=csv does without."
        )


class Board(ABC):
    """Show a run in a place beside metrics.csv; opened on the first process only."""

    @abstractmethod
    def open(self, run: Path, config: Mapping[str, object]) -> Sequence[Logger]:
        """Start logging of this run folder with its flat, dotted config; return its loggers."""

    def catch_up(self, rows: Mapping[int, Mapping[str, float]]) -> None:  # noqa: B027
        """Log again what a killed attempt has logged, and this place may have lost, by step."""

    @abstractmethod
    def pictures(self, images: Mapping[str, Path], step: int) -> None:
        """Show PNG files by name."""

    def facts(self, facts: Mapping[str, object]) -> None:  # noqa: B027
        """Keep what is no score: status, seconds, parameters, the best epoch."""

    @abstractmethod
    def close(self, summary: Mapping[str, float], succeeded: bool) -> None:
        """Write the final scores and end the run."""
