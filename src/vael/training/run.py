"""The parts of one run, built and not yet trained."""

from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from vael.data.module import VaelData
from vael.distributed.lightning import Placement
from vael.distributed.signals import TrainingStopRequest
from vael.runs.folder import RunFolder
from vael.training.callbacks.stop_file import StopFile
from vael.training.callbacks.timing import RunTimer
from vael.training.loggers.base import Board
from vael.training.loggers.csv import MetricsCsv
from vael.training.module import LitVAE


@dataclass
class Run:
    """Everything that takes part in one run.

    Attributes:
        some_unused: whether the loss leaves some parameters alone, which several processes have to
            know: ``objective=aae`` those of a learned prior.
    """

    folder: Path
    config: DictConfig
    data: VaelData
    lit: LitVAE
    placement: Placement
    csv: MetricsCsv
    board: Board
    stop: TrainingStopRequest
    prune: StopFile
    clock: RunTimer
    some_unused: bool = False

    @property
    def files(self) -> RunFolder:
        """The paths of the run."""
        return RunFolder(self.folder)

    @property
    def tests(self) -> bool:
        """Whether the test split is used: scored, and shown in the pictures."""
        return bool(self.config.evaluation.get("test", True))

    @property
    def reports(self) -> bool:
        """Whether the run writes a report, with its curves and its latent scatter."""
        return bool(self.config.get("report", True))
