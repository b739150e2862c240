"""Process of a trial: started, watched, signalled, and gone whole."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from vael.distributed import processes
from vael.distributed.ownership import ATTEMPT
from vael.distributed.ranks import MAX_THREADS
from vael.sweep.study.records import Slot

LOG = "process.log"
HIDDEN_PREFIXES = (
    "SLURM", "SBATCH_", "SRUN_", "PMI_", "PMIX_", "OMPI_", "TORCHELASTIC_", "HYDRA_",
)  # fmt: skip
HIDDEN_NAMES = {
    "RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "NODE_RANK", "GROUP_RANK",
    "GROUP_WORLD_SIZE", "ROLE_RANK", "ROLE_NAME", "ROLE_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT",
    "VAEL_RUN", "VAEL_SUPERVISED", "VAEL_STORAGE", "PL_GLOBAL_SEED", "PL_SEED_WORKERS",
    "WANDB_SERVICE", "WANDB_RUN_ID", "WANDB_RESUME", "WANDB_NAME", "WANDB_DIR",
}  # fmt: skip


class ProcessStarter:
    """Way to start trials one at a time, each as a new Python, for any number of devices."""

    def prepare(self) -> None:
        """Do ahead what takes long: nothing here. To be called before each trial."""

    def start(self, folder: Path, slot: Slot, attempt: int | None = None) -> "ProcessHandle":
        """Start ``vael train FOLDER``; it dies with the thread that calls this.

        What it prints goes to FOLDER/process.log.
        """
        own = os.getpid()
        with (folder / LOG).open("ab") as log:
            return ProcessHandle(
                subprocess.Popen(
                    [sys.executable, "-m", "vael.cli", "train", str(folder)],
                    env=trial_environment(os.environ, slot, attempt),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=lambda: processes.die_with(own),
                )
            )

    def close(self) -> None:
        """End what was prepared: nothing here."""


class ProcessHandle:
    """A trial's process, a child of this one, which leads a session of its own."""

    def __init__(self, child: "subprocess.Popen[bytes]") -> None:
        self._child = child

    def wait(self, seconds: float) -> int | None:
        """Wait for its exit code, minus the signal where it was killed; None while it lives.

        Once there is a code, nothing of its session is left.
        """
        end = time.monotonic() + seconds
        while not self._gone():
            if time.monotonic() >= end:
                return None
            time.sleep(0.01)
        return self._child.wait()

    def _gone(self) -> bool:
        """Tell whether the process has ended; then also end what is left of its session."""
        if self._child.returncode is not None:
            return True
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if os.waitid(os.P_PID, self._child.pid, options) is None:
            return False
        # not reaped yet: no other process can have this pid
        processes.end_session(self._child.pid)
        return True

    def signal(self, number: int) -> None:
        """Send a signal to it alone: it passes it on to its ranks, if it has any."""
        self._child.send_signal(number)

    def kill(self) -> None:
        """Kill it with all that it has started."""
        if not self._gone():
            self._child.send_signal(signal.SIGKILL)
            processes.end_session(self._child.pid)
        self._child.wait()


def trial_environment(
    environ: Mapping[str, str], slot: Slot, attempt: int | None = None
) -> dict[str, str]:
    """Return the environment of a trial: no launcher's variables and no password.

    Args:
        environ: of its worker.
        slot: the devices and threads.
        attempt: whose lease it leaves with; None: it has none.
    """
    kept = {
        name: value
        for name, value in environ.items()
        if name not in HIDDEN_NAMES and not name.startswith(HIDDEN_PREFIXES)
    }
    kept["OMP_NUM_THREADS"] = kept[MAX_THREADS] = str(slot.threads)
    if attempt is not None:
        kept[ATTEMPT] = str(attempt)
    if slot.devices is not None:
        kept["CUDA_VISIBLE_DEVICES"] = slot.devices
    return kept
