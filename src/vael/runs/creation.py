"""Make the folder of a run, and discard that of a run that cannot start."""

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from omegaconf import DictConfig

from vael.config.yaml import read_yaml
from vael.distributed import failures, ranks

MADE = {"config.yaml", "train.log", failures.FOLDER}  # all that is there before the first step


def read_size(folder: Path) -> tuple[int, int]:
    """Return devices and nodes of the run in this folder; (1, 1) where its config is no good.

    The one process then says what is wrong with it.
    """
    try:
        config = read_yaml(folder / "config.yaml")
        found = config.trainer.devices, config.trainer.num_nodes
    except Exception:  # yaml and OmegaConf have no common base
        return 1, 1
    whole = isinstance(config, DictConfig) and all(type(n) is int and n > 0 for n in found)
    return found if whole else (1, 1)


def discard(folder: Path, is_first: bool) -> None:
    """Remove the folder of a run that cannot start; nothing that has ever trained.

    A supervised rank only leaves a note: the others may still be reading there.
    """
    if ranks.SUPERVISED in os.environ:
        failures.mark_impossible(folder)
    elif is_first and {path.name for path in folder.iterdir()} <= MADE:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # another run's folder is there, or just being made
            folder.parent.rmdir()


def vanished(folder: Path, seconds: float = 3.0) -> bool:
    """Wait whether the first process gives up this run as impossible: it then says so for all."""
    end = time.monotonic() + seconds
    while folder.exists() and time.monotonic() < end:
        time.sleep(0.05)
    return not folder.exists()
