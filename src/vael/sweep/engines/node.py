"""Node: one task's part of a sweep, on what SLURM or Ray has given to it."""

import math
import os
import signal
from pathlib import Path

from vael.distributed.slurm import requeue_self
from vael.errors import ConfigError
from vael.sweep.display import make_display
from vael.sweep.engines.local import Local
from vael.sweep.spec import checks
from vael.sweep.spec.facts import Facts
from vael.sweep.study.study import Study
from vael.sweep.workers.slots import deal_slots
from vael.sweep.workers.starter import Starter


def run_node(folder: Path, workers: int, cores: int | None, starter: Starter) -> int:
    """Run one task's workers until all is done or it must end.

    Args:
        folder: of the sweep.
        workers: of this task.
        cores: that they may use; None: all that this process may.
        starter: of their processes.

    Returns:
        The exit code of ``Local.run``; 0 where the task has queued itself again.
    """
    study = Study.open(folder)
    devices, facts = study.definition.devices, _given()
    checks.check_devices(devices, facts)
    groups = max(1, facts.gpus // devices)
    dealt = deal_slots(facts, workers, devices, math.ceil(workers / groups), cores)
    local = Local(folder, dealt, make_display(study.goal), study.rows, starter)
    code = local.run()
    if local.stopped_by == signal.SIGUSR1 and requeue_self():
        return 0
    return code


def _given() -> Facts:
    """Return what this task may use, without importing torch."""
    gpus = len([g for g in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if g])
    return Facts(None, True, "gpu" if gpus else "cpu", gpus, threaded=True)


def check_shared_storage(url: str) -> None:
    """Refuse a storage that several nodes cannot share.

    Raises:
        ConfigError: says which can be.
    """
    if url.startswith("sqlite"):
        raise ConfigError(
            "storage sqlite:/// is not for several nodes: its locks do not hold on shared folders."
            " Use postgresql+psycopg://USER@HOST/DATABASE, or the journal."
        )
