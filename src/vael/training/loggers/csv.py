"""Writer of metrics.csv: one row a step, never duplicated, never lost on a restart."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from vael.files import write_text
from vael.runs.metrics_csv import format_rows, read_rows


class MetricsCsv(Logger):
    """Write rows of ``step, epoch, <metric>...``; what was not logged at a step is an empty cell.

    Lightning's CSVLogger deletes the old file when a run is continued; this one reads it, and
    drops the rows after the step of the checkpoint that the run goes on from. Rows of a step are
    merged. The file is rewritten whole, at most once an epoch, and stays whole at any kill.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._rows: dict[int, dict[str, float]] = {}

    @property
    def name(self) -> str:
        """Return the name of this logger."""
        return "csv"

    @property
    def version(self) -> str:
        """Return no version: one file a run."""
        return ""

    def keep_until(self, step: int) -> None:
        """Read what an earlier process wrote, up to and with this optimiser step.

        Raises:
            ConfigError: the file is damaged.
        """
        self._rows = {
            number: row for number, row in read_rows(self.path).items() if number <= step
        }

    def by_step(self) -> dict[int, dict[str, float]]:
        """Return the rows so far by step."""
        return dict(sorted(self._rows.items()))

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Merge the metrics into the row of this step."""
        assert step is not None
        self._rows.setdefault(step, {}).update(metrics)

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Log nothing: the config is in config.yaml."""

    @rank_zero_only
    def save(self) -> None:
        """Write all rows."""
        if self._rows:
            write_text(self.path, format_rows(self._rows))

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write what is not written yet."""
        self.save()
