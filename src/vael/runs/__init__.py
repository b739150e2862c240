"""The run folder: what it holds, and where its numbers come from."""

from vael.runs.evaluation_file import read_evaluation
from vael.runs.folder import RunFolder, read_config
from vael.runs.metrics_csv import History, read_history
from vael.runs.summary import Summary, read_summary

__all__ = [
    "History",
    "RunFolder",
    "Summary",
    "read_config",
    "read_evaluation",
    "read_history",
    "read_summary",
]
