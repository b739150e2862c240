"""The folder of a run: where its files are, and how its config is read.

A name of a file in it is written in this package and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from vael.config.flat import list_leaves
from vael.config.validate import check_config
from vael.config.yaml import read_settings, read_yaml
from vael.errors import ConfigError
from vael.runs import evaluation_file, example_scores, summary

PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class _Below:
    """A path by its name below the run's folder."""

    name: str

    def __get__(self, run: "RunFolder", kind: type) -> Path:
        return run.path / self.name


@dataclass(frozen=True)
class RunFolder:
    """The paths of a run, and what of it is there."""

    path: Path

    config = _Below("config.yaml")  # whole and resolved
    summary = _Below(summary.FILE)  # what the run says of itself
    metrics = _Below("metrics.csv")
    evaluation = _Below(evaluation_file.FILE)  # the last one
    test_scores = _Below(example_scores.FILE)  # of each test example
    log = _Below("train.log")
    report = _Below("report.html")
    images = _Below("images")
    against = _Below("images/against.png")  # of the last evaluation, if it was against other data
    wandb = _Below("wandb")
    profile = _Below("profile.txt")
    stop = _Below("stop.json")  # by which others ask the run to stop for good
    checkpoints = _Below("checkpoints")
    best = _Below("checkpoints/best.ckpt")  # by validation score
    last = _Below("checkpoints/last.ckpt")  # to continue from

    def checkpoint(self, which: str) -> Path:
        """Return a checkpoint by its name, ``best`` or ``last``."""
        return self.checkpoints / f"{which}.ckpt"

    def name_of(self, file: Path) -> str:
        """Return the name of one of its files as the folder's own files write it."""
        return file.relative_to(self.path).as_posix()

    @property
    def is_run(self) -> bool:
        """Whether this is a run: it has a config."""
        return self.config.is_file()

    @property
    def has_trained(self) -> bool:
        """Whether its training has ever begun."""
        return self.checkpoints.is_dir()

    def require(self) -> DictConfig:
        """Return the config of a run; refuse what is none, or was trained by another version.

        Raises:
            ConfigError: it has no config, or one that names classes of another version.
        """
        if not self.is_run:
            raise ConfigError(
                f"{self.path} is not a run: it has no config.yaml. Runs are made by vael train."
            )
        config = read_settings(self.config)
        if self.has_trained:
            _check_layout(self, config)
        return config


def read_config(folder: Path) -> DictConfig:
    """Read the resolved config of a run's folder, and check it.

    Raises:
        ConfigError: no run, a run of another version of vael, or settings that cannot be.
    """
    config = RunFolder(folder).require()
    check_config(config)
    return config


def _check_layout(run: RunFolder, config: DictConfig) -> None:
    """Refuse a run whose classes this version of vael has elsewhere, or no more."""
    for path, target in list_leaves(OmegaConf.to_container(config, resolve=False)):
        if path.rpartition(".")[2] != "_target_" or not isinstance(target, str):
            continue
        package, *parts = target.split(".")[:-1]
        if package == PACKAGE.name and not is_module_of_vael(parts):
            versions = summary.peek_summary(run.path).get("versions") or {}
            raise ConfigError(
                f"{run.path} was made by vael {versions.get('vael', 'of another version')}, whose "
                f"runs this version does not read ({target} is not there): train it again, or use "
                "that version."
            )


def is_module_of_vael(parts: Sequence[str]) -> bool:
    """Return whether a dotted name below vael is a package, or is or is within a module."""
    module = any(
        PACKAGE.joinpath(*parts[:n], f"{part}.py").is_file() for n, part in enumerate(parts)
    )
    return module or PACKAGE.joinpath(*parts, "__init__.py").is_file()


def describe_unfinished(folder: Path) -> str | None:
    """Say of a run's folder that its training has not ended; None for all else."""
    run = RunFolder(folder)
    if not run.is_run or not run.has_trained:
        return None
    found = summary.read_summary(folder)
    status = "running, or was killed" if found is None else str(found["status"])
    if status in summary.ENDED:
        return None
    return f"{folder} is not finished ({status}): this is its checkpoint so far."


def read_run_size(folder: Path) -> tuple[int, int]:
    """Read devices and nodes of the run in this folder; (1, 1) where its config is no good.

    The one process then says what is wrong with it.
    """
    try:
        config = read_yaml(RunFolder(folder).config)
        found = config.trainer.devices, config.trainer.num_nodes
    except Exception:  # yaml and OmegaConf have no common base
        return 1, 1
    whole = isinstance(config, DictConfig) and all(type(n) is int and n > 0 for n in found)
    return found if whole else (1, 1)
