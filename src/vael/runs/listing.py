"""The runs below a folder: found, sorted by time, named ``latest``; no torch."""

import os
import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vael.config.yaml import read_yaml
from vael.distributed.ownership import is_being_trained
from vael.errors import ConfigError, VaelError
from vael.runs.folder import RunFolder
from vael.runs.summary import finite_number, peek_summary
from vael.text import word_command

OUTPUTS = Path("outputs")
LATEST = "latest"
SWEEP = "sweep.yaml"  # a search keeps its trials: they are listed where its folder is given
NAMED = 5  # runs that an error names


@dataclass(frozen=True)
class ListedRun:
    """A run in a list.

    Attributes:
        started: when its config was written, in seconds since the epoch.
        status: of its summary; ``training``, or ``killed``, where there is none.
        score: the target's value at the best epoch; None where there is none yet.
        condition: what a conditional model is told, given which the score is; empty: nothing.
        settings: as typed, without those that all the listed runs share.
    """

    folder: Path
    started: float
    status: str
    target: str | None
    score: float | None
    condition: str
    settings: tuple[str, ...]

    @property
    def score_text(self) -> str:
        """The target with its value, and given what it is; empty without a score."""
        given = f" given {self.condition}" if self.condition else ""
        return "" if self.score is None else f"{self.target} {self.score:.4f}{given}"


def find_runs(folder: Path) -> list[Path]:
    """Return the folders of runs below a folder, the newest first; not those of searches in it."""
    found: list[tuple[float, Path]] = []
    pending = [folder]
    while pending:
        with suppress(OSError):  # a folder that is gone by now, or that nobody may read
            for entry in os.scandir(pending.pop()):
                path = Path(entry.path)
                if not entry.is_dir():
                    continue
                if RunFolder(path).is_run:
                    found.append((RunFolder(path).config.stat().st_mtime, path))
                elif not (path / SWEEP).is_file():
                    pending.append(path)
    return [path for _, path in sorted(found, key=lambda one: (-one[0], str(one[1])))]


def holds_runs(folder: Path) -> bool:
    """Whether there are runs below a folder that is none itself; trials are runs, too."""
    return folder.is_dir() and not RunFolder(folder).is_run and bool(find_runs(folder))


def resolve_run(given: Path) -> Path:
    """Return what a user means by RUN: a path, ``latest``, or ``FOLDER/latest``.

    Raises:
        ConfigError: there is no run yet, or the folder is none but holds some.
    """
    if given.name == LATEST and not given.exists():
        place = OUTPUTS if given == Path(LATEST) else given.parent
        runs = find_runs(place)
        if not runs:
            raise ConfigError(f"{given}: there is no run in {place} yet: vael train makes one.")
        return runs[0]
    known = RunFolder(given).is_run or (given / SWEEP).is_file()
    if given.is_dir() and not known and (runs := find_runs(given)):
        every = word_command("vael", "list", given)
        more = f" and {len(runs) - NAMED} more ({every})" if len(runs) > NAMED else ""
        raise ConfigError(
            f"{given} is not a run, but holds some: {', '.join(map(str, runs[:NAMED]))}{more}. "
            f"Give one of them, or {given / LATEST}."
        )
    return given


def list_runs(folder: Path) -> list[ListedRun]:
    """Return the runs below a folder with their scores, the newest first."""
    runs = find_runs(folder)
    typed = [_typed(run) for run in runs]
    shared = set.intersection(*map(set, typed)) if len(runs) > 1 else set()
    return [
        _listed(run, [word for word in words if word not in shared])
        for run, words in zip(runs, typed, strict=True)
    ]


def _listed(folder: Path, settings: Sequence[str]) -> ListedRun:
    run, summary = RunFolder(folder), peek_summary(folder)
    target, metrics = summary.get("target"), summary.get("metrics")
    score = finite_number(metrics.get(target)) if isinstance(metrics, dict) else None
    status = summary.get("status")
    if is_being_trained(run.config):
        status = "training"
    elif status is None:
        status = "killed" if run.has_trained else "not started"
    started = run.config.stat().st_mtime
    told = str(summary.get("condition") or "")
    return ListedRun(folder, started, str(status), target, score, told, tuple(settings))


def _typed(folder: Path) -> list[str]:
    """Return the settings of the command that made a run."""
    command = peek_summary(folder).get("command")
    with suppress(VaelError, AttributeError, ValueError):
        words = shlex.split(str(command or read_yaml(RunFolder(folder).config).command))
        return [w for w in words if "=" in w and not w.startswith(("-", "sweep."))]
    return []
