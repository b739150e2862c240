"""Floor 10: the process of one worker."""

import sys
from pathlib import Path

from vael.sweep.forkserver import ForkServer
from vael.sweep.local import worker_name
from vael.sweep.process import Plain, Starter
from vael.sweep.records import Slot
from vael.sweep.study import Study
from vael.sweep.worker import work


def engage(sweep: Path, index: int, slot: Slot) -> int:
    """Works on a sweep until all is done or a signal comes, and returns the exit code.

    Args:
        sweep: its folder, as ``vael sweep`` has made it.
        index: tells this worker from others of this machine.
        slot: what it may use.
    """
    return work(Study.open(sweep), worker_name(index), starter(slot), slot)


def starter(slot: Slot) -> Starter:
    """Forks trials of one device where that works, else starts each as a new Python."""
    forks = slot.num_devices == 1 and sys.platform == "linux"
    return ForkServer() if forks else Plain()
