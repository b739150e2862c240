"""Make the folder of a run, and discard that of a run that cannot start."""

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from vael.distributed import failures, ranks
from vael.errors import ConfigError, DiskError
from vael.files import expand_home, write_text
from vael.runs.folder import RunFolder
from vael.text import word_command


def make_run_folder(config: DictConfig) -> Path:
    """Make one folder for all processes of a run, with its config in it.

    A run that was started as several processes (torchrun, srun) takes its folder's name from what
    they share - ``VAEL_RUN``, the elastic run id or the SLURM job id - and never from a clock.
    """
    parent = expand_home(config.output_dir) / config.name
    shared = _shared_name(config.trainer.num_nodes)
    text = OmegaConf.to_yaml(config)
    if shared is None:
        run = _new_folder(parent, time.strftime("%Y-%m-%d_%H-%M-%S"))
    else:
        run = Path(shared) if os.environ.get("VAEL_RUN") else parent / shared
        try:
            run.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            where = "VAEL_RUN" if os.environ.get("VAEL_RUN") else "output_dir"
            raise DiskError(
                f"cannot make the run's folder {run}: {error.strerror or error}. Free some "
                f"space, or set {where} to a folder that can be written."
            ) from error
        if not ranks.is_first_rank():
            _wait_for(run)
        if RunFolder(run).is_run:
            _check_same(run, text)
            return run
    write_text(RunFolder(run).config, text)
    return run


def _new_folder(parent: Path, name: str) -> Path:
    for attempt in range(1000):
        run = parent / (name if attempt == 0 else f"{name}-{attempt}")
        try:
            with suppress(FileExistsError, FileNotFoundError):  # another run made or removed it
                run.mkdir(parents=True)
                return run
        except OSError as error:
            raise DiskError(
                f"cannot make the run's folder {run}: {error.strerror or error}. "
                "Free some space, or set output_dir to a folder that can be written."
            ) from error
    raise ConfigError(f"no free folder name below {parent}: empty it or set output_dir.")


def _shared_name(num_nodes: int) -> str | None:
    given = os.environ.get("VAEL_RUN")
    if given:
        return given
    rank = ranks.find_rank()
    if rank is None and num_nodes == 1:
        return None
    name = None if rank is None else rank.name
    if rank is None or name in (None, "none"):
        raise ConfigError(
            "the processes of this run share no name to call its folder by: set "
            "VAEL_RUN to a folder that all of them see, or use torchrun with "
            "--standalone or --rdzv-id."
        )
    return f"{'slurm' if rank.launcher == 'srun' else 'elastic'}-{name}"


def _check_same(run: Path, text: str) -> None:
    texts = (RunFolder(run).config.read_text(), text)
    one, other = (OmegaConf.merge(OmegaConf.create(each), {"command": ""}) for each in texts)
    if one != other:
        raise ConfigError(
            f"{run} holds a run with another config: continue it with "
            f"`{word_command('vael', 'train', run)}`, or give another folder (VAEL_RUN)."
        )


def _wait_for(run: Path, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not RunFolder(run).is_run:
        if time.monotonic() > end:
            raise ConfigError(
                f"{RunFolder(run).config} did not appear within {seconds:.0f} s: the "
                "first process failed, or the folder is not shared between nodes."
            )
        time.sleep(0.1)


def discard_run(folder: Path, is_first: bool) -> None:
    """Remove the folder of a run that cannot start; nothing that has ever trained.

    A supervised rank only leaves a note: the others may still be reading there.
    """
    run = RunFolder(folder)
    if ranks.SUPERVISED in os.environ:
        failures.mark_impossible(folder)
        return
    early = {run.config, run.log, run.wandb, folder / failures.FOLDER}
    if is_first and set(folder.iterdir()) <= early:
        shutil.rmtree(folder, ignore_errors=True)
        remove_empty(folder)


def remove_empty(path: Path) -> None:
    """Remove the empty folders that a file or folder was in, which is gone.

    Below the current folder they may all be vael's; elsewhere somebody made a place for runs.
    """
    parents = path.parents[:1] if path.is_absolute() else path.parents[:-1]
    with suppress(OSError):  # another run's folder is there, or just being made
        for parent in parents:
            parent.rmdir()


def is_gone(folder: Path, seconds: float = 3.0) -> bool:
    """Return whether the first process soon discards this run: it then says why for all."""
    end = time.monotonic() + seconds
    while folder.exists() and time.monotonic() < end:
        time.sleep(0.05)
    return not folder.exists()
