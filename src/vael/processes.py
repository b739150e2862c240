"""Floor 0: processes that end with the one that started them, and leave nobody behind."""

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

SET_PDEATHSIG = 1  # linux/prctl.h


def cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def die_with(parent: int) -> None:
    """The kernel kills this process when the thread of ``parent`` that forked it ends (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it was gone before we could ask
            os.kill(os.getpid(), signal.SIGKILL)


def end_session(leader: int, seconds: float = 2.0) -> None:
    """Kills whoever is left of the session (``setsid``) that this process began."""
    end = time.monotonic() + seconds
    while True:
        found = _members(leader)
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not found or time.monotonic() > end:
            return
        time.sleep(0.01)


def _members(session: int) -> list[int]:
    """The living processes of a session; where there is no /proc, of its first group."""
    if not Path("/proc/self/stat").exists():
        return [-session] if _group_lives(session) else []
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError):
                fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == session and fields[0] not in "ZX":
                    found.append(int(name))
    return found


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except OSError:
        return False
    return True
