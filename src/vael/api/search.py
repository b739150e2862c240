"""Searches from Python: ``vael.search`` and what it returns."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from vael.api.process import run_vael
from vael.api.run import RunResult
from vael.api.settings import write_settings
from vael.errors import ConfigError
from vael.files import write_text
from vael.runs.folder import RunFolder
from vael.runs.listing import OUTPUTS
from vael.sweep.plan import define_sweep, find_folder
from vael.sweep.spec.checks import compose_base
from vael.sweep.study.ranking import find_best
from vael.sweep.study.reader import StudyReader

if TYPE_CHECKING:
    import pandas as pd


class SearchResult:
    """A search's folder, with what it holds."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

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
        return f"SearchResult({self.folder}, {len(self.trials)} trials)"


def search(
    file: str | Path | None = None,
    *,
    space: Mapping[str, str] | None = None,
    name: str | None = None,
    workers: int | None = None,
    fixed: Mapping[str, Any] | None = None,
    **keys: Any,
) -> SearchResult:
    """Search over settings, as ``vael sweep`` does, or go on with a search.

    Args:
        file: a sweep's YAML, or the name of one that vael brings along.
        space: instead of a file: setting -> what to try, ``{"model.latent_dim": "choice(4, 8)"}``.
        name: of the search and its folder.
        workers: processes that train at the same time.
        fixed: settings that are the same for all trials.
        keys: of a sweep's file: ``trials``, ``target``, ``sampler``, ``confirm`` ...; with a file,
            ``trials`` and ``confirm`` alone.

    Raises:
        VaelError: it cannot work, or has failed; one line.

    Examples:
        >>> found = vael.search(
        ...     space={"model.latent_dim": "choice(4, 8, 16)"}, trials=3, name="size"
        ... )                                           # doctest: +SKIP
        >>> found.trials.sort_values("val/bpd")         # doctest: +SKIP
    """
    if (file is None) == (space is None):
        raise ConfigError("vael.search takes a file, or a space: give one of them.")
    path = Path(file) if file is not None else _write_file(name or "search", space or {}, keys)
    options = {"trials": keys.get("trials"), "confirm": keys.get("confirm"), "name": name}
    if file is not None and (unknown := keys.keys() - options.keys()):
        raise ConfigError(
            f"{', '.join(sorted(unknown))} stand in the sweep's file: change it there."
        )
    words = write_settings(fixed or {})
    d = define_sweep(path, options, None, words)
    given = [f"--{option}={value}" for option, value in options.items() if value is not None]
    given += [] if workers is None else [f"--workers={workers}"]
    run_vael(["sweep", "run", str(path), *given, *words])
    return SearchResult(find_folder(d, compose_base(d)))


def _write_file(name: str, space: Mapping[str, str], keys: Mapping[str, Any]) -> Path:
    """Write the file that says the same, so that ``vael sweep`` can go on with the search."""
    path = OUTPUTS / "sweeps" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    plain: dict[str, Any] = {**keys, "space": dict(space)}
    listed = {k: list(v) if _is_list(v) else v for k, v in plain.items()}
    write_text(path, OmegaConf.to_yaml(OmegaConf.create(listed)))
    return path


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
