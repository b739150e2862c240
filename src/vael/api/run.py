"""Runs from Python: ``vael.train`` and what it returns."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from vael.api.process import run_vael
from vael.api.settings import write_settings
from vael.config.compose import compose_config
from vael.config.validate import check_config
from vael.distributed.crowding import check_crowding
from vael.runs.creation import make_run_folder
from vael.runs.extension import extended
from vael.runs.folder import RunFolder
from vael.runs.listing import resolve_run
from vael.runs.summary import read_summary

if TYPE_CHECKING:
    from vael.pretrained.model import Model


class RunResult:
    """A run's folder, with what it holds.

    Args:
        folder: the run's, or ``"latest"``.
        allow: packages of your own that its model is made of.
    """

    def __init__(self, folder: str | Path = "latest", allow: tuple[str, ...] = ()) -> None:
        self.folder = resolve_run(Path(folder))
        self.allow = allow
        RunFolder(self.folder).require()

    @property
    def summary(self) -> dict[str, Any]:
        """The content of summary.json: status, epochs, seconds, command ...; empty before it."""
        return read_summary(self.folder) or {}

    @property
    def scores(self) -> dict[str, float]:
        """The scores by name: ``test/*``, and ``val/*`` and ``train/*`` of the best epoch."""
        scores: dict[str, float] = self.summary.get("metrics", {})
        return scores

    @cached_property
    def model(self) -> "Model":
        """The model with the best weights, see `vael.load`."""
        from vael.pretrained.loading import load_model

        return load_model(self.folder, allow=self.allow)

    @property
    def report(self) -> Path:
        """The page about the run."""
        return RunFolder(self.folder).report

    def __repr__(self) -> str:
        """Return the folder, the status and the score in one line."""
        target = str(self.summary.get("target"))
        names = (f"test/{target.partition('/')[2]}", target)
        scores = [f", {name} {self.scores[name]:.4f}" for name in names if name in self.scores]
        status = self.summary.get("status", "not ended")
        return f"RunResult({self.folder}, {status}{''.join(scores[:1])})"


def train(
    run: str | Path | None = None, *, allow: tuple[str, ...] = (), **settings: Any
) -> RunResult:
    """Train a model, as ``vael train`` does, and return its run.

    It trains in a process of its own; its lines are printed here. Names with dots are given as
    ``**{"objective.beta": 4}``.

    Args:
        run: a run's folder to continue; None: a new one.
        allow: packages of your own that its model is made of.
        settings: of the config, ``data="digits"``.

    Raises:
        VaelError: a setting or the data cannot work, or the training failed; one line.

    Examples:
        >>> run = vael.train(data="digits", **{"objective.beta": 4})    # doctest: +SKIP
        >>> run.scores["test/bpd"]                                      # doctest: +SKIP
    """
    if run is None:
        return start_run(make_run_folder(check_settings(settings)), allow)
    found = RunResult(run, allow)
    with extended(found.folder, write_settings(settings)):
        run_vael(["train", str(found.folder)])
    return found


def check_settings(settings: Mapping[str, Any]) -> DictConfig:
    """Compose the config of these settings, and refuse what cannot work.

    Raises:
        ConfigError: one line.
    """
    config = compose_config(write_settings(settings))
    check_config(config)
    check_crowding(config.trainer.devices)
    return config


def start_run(folder: Path, allow: tuple[str, ...]) -> RunResult:
    """Train in a new run's folder; an error before the first step leaves nothing of it."""
    run_vael(["train", str(folder), "--discard-on-error"])
    return RunResult(folder, allow)
