"""Loggers: metrics.csv, and the boards that a ``logger`` config node makes."""

from vael.training.loggers.base import Board
from vael.training.loggers.csv import MetricsCsv
from vael.training.loggers.none import NoLogger
from vael.training.loggers.several import SeveralBoards
from vael.training.loggers.tensorboard import Tensorboard
from vael.training.loggers.wandb import Wandb

__all__ = ["Board", "MetricsCsv", "NoLogger", "SeveralBoards", "Tensorboard", "Wandb"]
