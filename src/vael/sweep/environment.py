"""Floor 10: the environment of a trial: that of its worker, without what is the worker's own."""

from collections.abc import Mapping

from vael.distributed.ownership import ATTEMPT
from vael.distributed.ranks import MAX_THREADS
from vael.sweep.records import Slot

PREFIXES = ("SLURM", "SBATCH_", "SRUN_", "PMI_", "PMIX_", "OMPI_", "TORCHELASTIC_", "HYDRA_")
NAMES = {
    "RANK",
    "LOCAL_RANK",
    "WORLD_SIZE",
    "LOCAL_WORLD_SIZE",
    "NODE_RANK",
    "GROUP_RANK",
    "GROUP_WORLD_SIZE",
    "ROLE_RANK",
    "ROLE_NAME",
    "ROLE_WORLD_SIZE",
    "MASTER_ADDR",
    "MASTER_PORT",
    "VAEL_RUN",
    "VAEL_SUPERVISED",
    "VAEL_STORAGE",
    "PL_GLOBAL_SEED",
    "PL_SEED_WORKERS",
    "WANDB_SERVICE",
    "WANDB_RUN_ID",
    "WANDB_RESUME",
    "WANDB_NAME",
    "WANDB_DIR",
}


def of_trial(environ: Mapping[str, str], slot: Slot, attempt: int | None = None) -> dict[str, str]:
    """What a trial may see: no launcher's variables, no password, its own devices and threads.

    Args:
        environ: of its worker.
        slot: the devices and threads.
        attempt: whose lease it leaves with; None: it has none.
    """
    kept = {
        name: value
        for name, value in environ.items()
        if name not in NAMES and not name.startswith(PREFIXES)
    }
    kept["OMP_NUM_THREADS"] = kept[MAX_THREADS] = str(slot.threads)
    if attempt is not None:
        kept[ATTEMPT] = str(attempt)
    if slot.devices is not None:
        kept["CUDA_VISIBLE_DEVICES"] = slot.devices
    return kept
