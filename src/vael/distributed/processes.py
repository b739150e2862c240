"""Processes of one machine: cores, memory, who still lives, and that none stays behind."""

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

SET_PDEATHSIG = 1  # linux/prctl.h
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # malloc.h
KEPT_BYTES = 2**28  # at the top of the heap
LARGEST_BLOCK_BYTES = 2**25  # the most that glibc lets a heap hold


def count_cores() -> int:
    """Count the CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def keep_freed_memory() -> None:
    """Tell glibc's malloc not to give freed blocks back to the kernel at once (Linux).

    By default each activation of some hundred kB is mapped, zeroed page by page and unmapped
    again. Decoding MNIST in passes of 500 images, that took as long as all arithmetic (measured:
    25 us an image, and 14 without); so did the training step of an MLP.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(MMAP_THRESHOLD, LARGEST_BLOCK_BYTES)
            mallopt(TRIM_THRESHOLD, KEPT_BYTES)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when the thread of its parent that forked it ends (Linux).

    Args:
        parent: the pid of the parent when it forked.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it was gone before we could ask
            os.kill(os.getpid(), signal.SIGKILL)


def end_session(leader: int, seconds: float = 2.0) -> None:
    """Kill whoever is left of the session (``setsid``) that this process began."""
    end = time.monotonic() + seconds
    while True:
        found = _list_session(leader)
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not found or time.monotonic() > end:
            return
        time.sleep(0.01)


def start_time(pid: int) -> str:
    """Return when a process began, in ticks since boot; empty for a dead or zombie process."""
    fields = _read_stat(pid)
    return fields[19] if fields else ""


def machine_id() -> str:
    """Return this boot and namespace of process ids; empty where they cannot be told."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _list_session(session: int) -> list[int]:
    """List the living processes of a session; where there is no /proc, its first group."""
    if not Path("/proc/self/stat").exists():
        return [-session] if _group_lives(session) else []
    found = []
    for name in os.listdir("/proc"):
        fields = _read_stat(int(name)) if name.isdigit() else []
        if fields and int(fields[3]) == session:
            found.append(int(name))
    return found


def _read_stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on; none for a dead or zombie process."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return []
    return [] if state in "ZX" else [state, *rest]


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except OSError:
        return False
    return True
