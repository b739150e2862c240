"""Floor 10: the report of a study."""

from pathlib import Path

from vael.files import write_text
from vael.sweep.report.folder import Sweep, read_sweep
from vael.sweep.report.importance import importances
from vael.sweep.report.page import render
from vael.sweep.study import Study


def report_of(study: Study) -> Path:
    """Writes ``report.html`` into the sweep's folder, from the study as it stands.

    Raises:
        StorageAway: the storage cannot be reached for long.
    """
    target = study.folder / "report.html"
    write_text(target, render_study(study))
    return target


def render_study(study: Study) -> str:
    """The page as HTML.

    Raises:
        StorageAway: the storage cannot be reached for long.
    """
    return render(_read(study))


def _read(study: Study) -> Sweep:
    table = study.rows()
    shares = importances(study.trials(), table, study.definition.directions)
    return read_sweep(study.folder, study.goal, table, shares)
