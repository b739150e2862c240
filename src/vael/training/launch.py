"""Launch a run: from a composed config to its folder and the process that trains there.

Nothing here imports torch: ``--help``, ``--cfg job``, completion and typos answer at once.
"""

import os
import re
import subprocess
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

from vael.config.compose import explain_hydra, resolve_config
from vael.config.shipped import add_own_conf, find_conf, list_shadowed
from vael.config.validate import check_config
from vael.distributed import ranks, signals
from vael.distributed.crowding import check_crowding
from vael.errors import ConfigError, VaelError, one_line
from vael.training.arguments import read_arguments

UNSEARCHED = ".*provider=hydra.searchpath.*is not available"  # Hydra's warning


def launch(words: Sequence[str], program: Sequence[str]) -> None:
    """Compose a config from a command line, make its run's folder, and train there.

    Never returns where it starts a run. A user's mistake ends in one line and exit code 2.

    Args:
        words: settings ``name=value``, and Hydra's options.
        program: what stands before them on the command line, for the run's ``command``.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises instead of printing and exiting
    warnings.filterwarnings("error", UNSEARCHED)
    given = list(words)
    try:
        sys.argv = [program[-1], *add_own_conf(read_arguments(given))]
        main = hydra.main(version_base="1.3", config_path=str(find_conf()), config_name="train")
        main(lambda config: start(config, given, program))()
    except VaelError as error:
        fail(error)
    except signals.StoppedEarly as stop:
        stop.tell()
        if ranks.is_first_rank():
            stop.requeue()
        raise
    except UserWarning as warning:
        path = re.search(r"path=(.*) is not available", str(warning))
        if path is None:
            raise
        text = "is not a folder (or, after pkg://, not a package) that can be read."
        fail(ConfigError(f"hydra.searchpath: {path[1]} {text}"))
    except (HydraException, OmegaConfBaseException, YAMLError, ValueError) as error:
        frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
        if any(frame.f_code is start.__code__ for frame in frames):
            raise  # an error of the run, not of what Hydra reads: command line and YAMLs
        fail(ConfigError(explain_hydra(error, given)))


def fail(error: VaelError) -> NoReturn:
    """Print one line, once for all processes, and leave with the error's code."""
    if ranks.is_first_rank():
        print(f"vael: {one_line(error)}", file=sys.stderr)
    raise SystemExit(error.exit_code)


def start(config: DictConfig, given: Sequence[str], program: Sequence[str]) -> None:
    """Check the config, make the run's folder, and train in it: never returns in a run."""
    signals.arm()
    try:
        _start(config, given, program)
    except VaelError as error:  # here, before Hydra adds a line of its own
        fail(error)


def _start(config: DictConfig, given: Sequence[str], program: Sequence[str]) -> None:
    job = HydraConfig.get()
    multirun = job.mode == RunMode.MULTIRUN
    words = _one_job(given, job.overrides.task) if multirun else given
    try:
        plain = resolve_config(config, dict(job.runtime.choices), words, program)
    except OmegaConfBaseException as error:  # what an interpolation names is not there
        raise ConfigError(explain_hydra(error, given)) from error
    check_config(plain)
    world = plain.trainer.devices * plain.trainer.num_nodes
    if multirun and world > 1:
        raise ConfigError(
            f"-m with trainer.devices * trainer.num_nodes = {world} is refused: "
            "each process would start the whole sweep again and train other settings. Use "
            "vael sweep FILE --devices-per-trial N (vael sweep grid tries every combination)."
        )
    rank = ranks.find_rank()
    ranks.check_ranks(rank, plain.trainer.devices, plain.trainer.num_nodes)
    if rank is None:
        check_crowding(plain.trainer.devices)
    from vael.runs.creation import make_run_folder  # not needed by --help and --cfg

    for file in list_shadowed(plain.choices):
        print(f"vael: {file} is not used: vael has an option of this name", file=sys.stderr)
    run = make_run_folder(plain)
    child = [sys.executable, "-m", "vael.cli", "train", str(run), "--discard-on-error"]
    sys.stdout.flush()
    if not multirun:
        signals.block()
        os.execv(sys.executable, child)
    signals.disarm()
    code = subprocess.run(child, check=False).returncode
    if code:
        raise SystemExit(code)


def _one_job(arguments: Sequence[str], overrides: Sequence[str]) -> list[str]:
    """Return the command line of one job of ``-m``: its own values of what had several."""
    of_this_job = {override.partition("=")[0]: override for override in overrides}
    return [
        of_this_job.get(argument.partition("=")[0], argument)
        for argument in arguments
        if argument not in ("-m", "--multirun")
    ]
