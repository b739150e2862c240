"""More processes than a machine without a GPU has cores, or memory, for."""

from contextlib import suppress
from pathlib import Path

from vael.distributed.processes import count_cores
from vael.errors import ConfigError

GIB_PER_PROCESS = 0.4  # of a small model, mostly torch itself
MEMINFO = Path("/proc/meminfo")
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def describe_crowding(devices: int) -> str | None:
    """Warn of more processes than cores, where there is no GPU to compute on; else None."""
    cores = count_cores()
    if devices <= cores or Path("/dev/nvidiactl").exists():
        return None
    return (
        f"trainer.devices={devices} starts {devices} processes, which take turns on {cores} "
        f"cores and need about {GIB_PER_PROCESS * devices:.0f} GiB: "
        f"trainer.devices={cores} is faster."
    )


def check_crowding(devices: int) -> None:
    """Refuse more processes than cores where the memory that is free is known to be too small.

    Raises:
        ConfigError: says how much is needed and how much is free.
    """
    free = read_free_gib()
    if describe_crowding(devices) is None or free is None or GIB_PER_PROCESS * devices <= free:
        return
    cores = count_cores()
    raise ConfigError(
        f"trainer.devices={devices} would start {devices} processes on {cores} cores, which need "
        f"about {GIB_PER_PROCESS * devices:.0f} GiB, but {free:.0f} GiB of memory are free: "
        f"give trainer.devices={cores} or fewer."
    )


def read_free_gib() -> float | None:
    """Return the memory that new processes may take, in GiB; None where it cannot be told."""
    free = None
    with suppress(OSError, ValueError, LookupError):
        fields = dict(line.split(":") for line in MEMINFO.read_text().splitlines())
        free = int(fields["MemAvailable"].split()[0]) / 2**20
    with suppress(OSError, ValueError):  # "max", or no such file: no limit
        limit = int(CGROUP_LIMIT.read_text()) / 2**30
        free = limit if free is None else min(free, limit)
    return free
