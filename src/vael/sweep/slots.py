"""Floor 10: the devices and threads of a machine, dealt out to workers."""

import os

from vael.distributed.processes import count_cores
from vael.errors import ConfigError
from vael.sweep.probe import Facts
from vael.sweep.records import Slot


def default_workers(facts: Facts, devices: int, per_device: int) -> int:
    """As many workers as there are devices for."""
    if facts.accelerator == "gpu":
        return max(1, facts.gpus // devices * per_device)
    return max(1, count_cores() // devices)


def slots(facts: Facts, workers: int, devices: int, per_device: int) -> list[Slot]:
    """One for each worker.

    Args:
        facts: of this machine.
        workers: how many.
        devices: of each trial.
        per_device: workers that may share a GPU.

    Raises:
        ConfigError: more workers than there are GPUs for.
    """
    threads = max(1, count_cores() // (workers * devices))
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
