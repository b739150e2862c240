"""Slots: the names, devices and threads of a machine's workers."""

import os
import socket
from pathlib import Path

from vael.distributed.processes import count_cores
from vael.errors import ConfigError
from vael.files import lock_file
from vael.sweep.spec.facts import Facts
from vael.sweep.study.records import Slot


def count_workers(facts: Facts, devices: int, per_device: int) -> int:
    """Return as many workers as there are devices for."""
    if facts.accelerator == "gpu":
        return max(1, facts.gpus // devices * per_device)
    return max(1, count_cores() // devices)


def deal_slots(
    facts: Facts, workers: int, devices: int, per_device: int, cores: int | None = None
) -> list[Slot]:
    """Deal out the devices and threads, a slot for each worker.

    Args:
        facts: of this machine.
        workers: how many.
        devices: of each trial.
        per_device: workers that may share a GPU.
        cores: for all workers together; None: as many as this process may use.

    Raises:
        ConfigError: more workers than there are GPUs for.
    """
    threads = max(1, (cores or count_cores()) // (workers * devices))
    if facts.accelerator != "gpu":
        return [Slot(None, devices, threads)] * workers
    groups = facts.gpus // devices
    if workers > groups * per_device:
        raise ConfigError(
            f"--workers={workers} needs {workers * devices} GPUs, but this machine "
            f"has {facts.gpus}: use --workers-per-device to share them."
        )
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = visible.split(",") if visible else [str(i) for i in range(facts.gpus)]
    return [
        Slot(",".join(names[g * devices : (g + 1) * devices]), devices, threads)
        for g in (i % groups for i in range(workers))
    ]


class WorkerNames:
    """``HOST-0``, ``HOST-1``, ...: several engines on one machine take different ones.

    Args:
        folder: where each name has a file; the kernel frees its lock with our last process.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: list[int] = []

    def take(self) -> str:
        """Take a name that nobody on this machine has."""
        for number in range(100_000):
            name = f"{socket.gethostname()}-{number}"
            file = os.open(self.folder / f"{name}.seat", os.O_RDWR | os.O_CREAT, 0o666)
            if lock_file(file, wait=False):
                self._held.append(file)
                return name
            os.close(file)
        raise AssertionError("100,000 workers on one machine")

    def free(self) -> None:
        """Give back every name that was taken."""
        for file in self._held:
            os.close(file)
        self._held.clear()
