"""Commands of ``vael`` that a sweep runs: their words, environment and output."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True)
class Command:
    """A ``vael`` command to be run in a process of its own.

    Attributes:
        words: after ``vael``.
        environment: all of it.
        log: file to which it prints, at its end.
        starts_trials: whether it gets a connection to the fork server, where there is one.
    """

    words: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    starts_trials: bool = False


def trial_command(folder: Path, slot: Slot, attempt: int | None = None) -> Command:
    """Return the command that trains what a folder says.

    Args:
        folder: the trial's.
        slot: the devices and threads.
        attempt: whose lease it leaves with; None: it has none.
    """
    env = trial_environment(os.environ, slot, attempt)
    return Command(("train", str(folder)), env, folder / LOG)


def worker_command(folder: Path, name: str, slot: Slot, log: Path) -> Command:
    """Return the command of a sweep's worker."""
    words = ["sweep-worker", str(folder), "--name", name]
    if slot.devices is not None:
        words += ["--devices", slot.devices]
    words += ["--num-devices", str(slot.num_devices), "--threads", str(slot.threads)]
    return Command(tuple(words), dict(os.environ), log, starts_trials=slot.num_devices == 1)


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
