"""Floor 10: the report of a study."""

from pathlib import Path

from vael.sweep.ranking import Goal
from vael.sweep.report.importance import importances
from vael.sweep.report.page import write_sweep_report
from vael.sweep.study import Study


def report_of(study: Study) -> Path:
    """Writes ``report.html`` into the sweep's folder, from the study as it stands.

    Raises:
        StorageAway: the storage cannot be reached for long.
    """
    d, table = study.definition, study.rows()
    goal = Goal(d.name, d.targets, d.directions, d.trials)
    shares = importances(study.trials(), table, d.directions)
    return write_sweep_report(study.folder, goal, table, shares)
