"""Logging to several boards at once."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from pytorch_lightning.loggers import Logger

from vael.training.loggers.base import Board


class SeveralBoards(Board):
    """Tell each of some boards all that one is told.

    Args:
        boards: by a name of one's own, ``logger.NAME`` in the config.
    """

    def __init__(self, **boards: Board) -> None:
        self.boards = boards

    def open(self, run: Path, config: Mapping[str, object]) -> Sequence[Logger]:
        """Open all, in their order."""
        return [logger for board in self.boards.values() for logger in board.open(run, config)]

    def catch_up(self, rows: Mapping[int, Mapping[str, float]]) -> None:
        """Repeat to each what it may have lost."""
        for board in self.boards.values():
            board.catch_up(rows)

    def pictures(self, images: Mapping[str, Path], step: int) -> None:
        """Show the pictures on each."""
        for board in self.boards.values():
            board.pictures(images, step)

    def facts(self, facts: Mapping[str, object]) -> None:
        """Keep the facts on each."""
        for board in self.boards.values():
            board.facts(facts)

    def close(self, summary: Mapping[str, float], succeeded: bool) -> None:
        """Close all, also where one of them fails."""
        with ExitStack() as stack:
            for board in reversed(self.boards.values()):
                stack.callback(board.close, summary, succeeded)
