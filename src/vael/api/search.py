"""Searches from Python: ``vael.search`` and what it returns."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from vael.api.process import run_vael
from vael.api.run import RunResult
from vael.api.settings import write_settings, write_value
from vael.errors import ConfigError, VaelError
from vael.files import write_text
from vael.runs.creation import remove_empty
from vael.runs.folder import RunFolder
from vael.sweep.plan import check_same, complete_sweep, define_sweep, find_folder
from vael.sweep.spec.checks import compose_base
from vael.sweep.spec.snapshot import SNAPSHOT, read_snapshot
from vael.sweep.spec.sweep_file import parse_sweep
from vael.sweep.study.ranking import find_best
from vael.sweep.study.reader import StudyReader
from vael.text import count_text

if TYPE_CHECKING:
    import pandas as pd


class SearchResult:
    """A search's folder, with what it holds.

    Raises:
        ConfigError: it is no search's folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        read_snapshot(self.folder)

    @property
    def trials(self) -> "pd.DataFrame":
        """The trials, one a row: state, scores, ``params.*``, ``metrics.*``, seconds."""
        import pandas as pd

        return pd.read_csv(self.folder / "trials.csv")

    @cached_property
    def best(self) -> RunResult:
        """The run of the best trial that keeps the constraints.

        Raises:
            ConfigError: there is none, or there are several targets.
        """
        study = StudyReader.open(self.folder)
        best = find_best(study.rows(), study.goal.directions)
        if len(study.goal.targets) > 1 or not best:
            raise ConfigError(f"{self.folder} has no single best trial: see .trials.")
        return RunResult(best[0].folder)

    @property
    def report(self) -> Path:
        """The page about the search."""
        return RunFolder(self.folder).report

    def __repr__(self) -> str:
        """Return the folder, the number of trials and the best in one line."""
        return f"SearchResult({self.folder}, {count_text(len(self.trials), 'trial')})"


def search(
    file: str | Path | None = None,
    *,
    space: Mapping[str, Any] | None = None,
    name: str | None = None,
    workers: int | None = None,
    fixed: Mapping[str, Any] | None = None,
    **keys: Any,
) -> SearchResult:
    """Search over settings, as ``vael sweep`` does, or go on with a search.

    Args:
        file: a sweep's YAML, or the name of one that vael brings along.
        space: instead of a file: setting -> what to try, a list or a text as in a sweep's file:
            ``{"model.latent_dim": [4, 8], "objective.beta": "interval(0.5, 4)"}``.
        name: of the search and its folder.
        workers: processes that train at the same time.
        fixed: settings that are the same for all trials.
        keys: of a sweep's file: ``trials``, ``target``, ``sampler``, ``confirm`` ...; with a file,
            ``trials`` and ``confirm`` alone.

    Raises:
        VaelError: it cannot work, or has failed; one line.

    Examples:
        >>> found = vael.search(
        ...     space={"model.latent_dim": [4, 8, 16]}, trials=3, name="size"
        ... )                                           # doctest: +SKIP
        >>> found.trials.sort_values("val/bpd")         # doctest: +SKIP
    """
    if (file is None) == (space is None):
        raise ConfigError("vael.search takes a file, or a space: give one of them.")
    options = {"trials": keys.get("trials"), "confirm": keys.get("confirm"), "name": name}
    if file is not None and (unknown := keys.keys() - options.keys()):
        raise ConfigError(
            f"{', '.join(sorted(unknown))}: only the sweep's file says it: change it there."
        )
    words = write_settings(fixed or {})
    given = [f"--{option}={value}" for option, value in options.items() if value is not None]
    given += [] if workers is None else [f"--workers={workers}"]
    if file is not None:
        d = define_sweep(Path(file), options, None, words)
        folder = find_folder(d, compose_base(d))
        run_vael(["sweep", "run", str(file), *given, *words])
        return SearchResult(folder)
    written = {path: _write_tries(path, tries) for path, tries in (space or {}).items()}
    plain = {"name": name or "search", **keys, "space": written}
    d = complete_sweep(parse_sweep(plain), options, None, words)
    folder = find_folder(d, compose_base(d))
    if (folder / SNAPSHOT).exists():
        check_same(read_snapshot(folder), d, folder, force=False)
    path = folder.with_name(f"{d.name}.yaml")  # so that `vael sweep` can go on with it
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}
    write_text(path, OmegaConf.to_yaml(OmegaConf.create(listed)))
    try:
        run_vael(["sweep", "run", str(path), *given, *words])
    except VaelError:
        if not (folder / SNAPSHOT).exists():
            path.unlink()
            remove_empty(path)
        raise
    return SearchResult(folder)


def _write_tries(path: str, tries: Any) -> str:
    """Return what to try as a sweep's file says it; a list is a choice."""
    if isinstance(tries, str) or not isinstance(tries, Sequence):
        return str(tries)
    return f"choice({', '.join(write_value(path, each, inside=True) for each in tries)})"
