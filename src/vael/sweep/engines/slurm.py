"""Engine slurm: the tasks of a sweep queued, and the submitter's view of them."""

import math
import time
from pathlib import Path

from vael.errors import VaelError
from vael.sweep.display import Display, make_display
from vael.sweep.engines import sbatch
from vael.sweep.engines.node import check_shared_storage
from vael.sweep.plan import Plan
from vael.sweep.spec.definition import Definition
from vael.sweep.study import storage
from vael.sweep.study.study import Study
from vael.sweep.workers.status import read_worker_states

LOOK_SECONDS = 2.0  # between two looks at the study
ASK_SECONDS = 10.0  # between two questions to squeue, which serves a whole cluster


def check_cluster(d: Definition) -> None:
    """Check for a cluster what can be checked before anything is made.

    Raises:
        ConfigError: sbatch is not there, an option is none, or the storage is not for several
            nodes.
    """
    sbatch.check_sbatch()
    sbatch.make_script(Path(d.name), 1, [], d.slurm)
    check_shared_storage(storage.locate_storage(d.storage, Path(d.name)))


def submit_workers(plan: Plan, per_task: int) -> str:
    """Queue the tasks of a sweep and return the job's id.

    Args:
        plan: of the sweep.
        per_task: workers of each task.

    Raises:
        ConfigError: sbatch is not there or refuses, or the storage is not for several nodes.
    """
    check_shared_storage(plan.url)
    tasks = math.ceil(plan.workers / per_task)
    text = sbatch.make_script(
        plan.folder, tasks, ["--workers", str(min(per_task, plan.workers))], plan.definition.slurm
    )
    return sbatch.submit_script(plan.folder, text)


def follow_job(study: Study, job: str) -> bool:
    """Show how the sweep stands until the job's last task has ended.

    Returns:
        Whether all is done.
    """
    display = make_display(study.goal)
    asked = -math.inf
    try:
        while True:
            rows = study.rows()
            display.update(read_worker_states(study.folder), rows)
            if time.monotonic() - asked > ASK_SECONDS or _done(study):
                asked = time.monotonic()
                if not _queued(job, display):
                    return _done(study)
            time.sleep(LOOK_SECONDS)
    finally:
        display.close()


def _queued(job: str, display: Display) -> bool:
    """Tell whether tasks are left; a controller that does not answer now is asked again later."""
    try:
        return bool(sbatch.count_tasks_left(job))
    except VaelError as error:
        display.note(str(error))
        return True


def _done(study: Study) -> bool:
    rows, wanted = study.rows(), study.definition.trials
    return wanted is not None and sum(row.finished for row in rows) >= wanted
