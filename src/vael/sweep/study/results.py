"""Results that a sweep leaves beside its trials: trials.csv, best.yaml, no old weights."""

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf
from optuna.trial import FrozenTrial

from vael.config.yaml import read_settings
from vael.errors import VaelError
from vael.files import write_text
from vael.runs.folder import RunFolder
from vael.sweep.spec.definition import Definition
from vael.sweep.study.ranking import find_best, rank_trials
from vael.sweep.study.reader import StudyReader
from vael.sweep.study.records import trial_folder
from vael.sweep.study.table import TrialRow, make_row
from vael.sweep.study.trials_file import TrialsFile, write_csv
from vael.text import word_command


def write_results(study: StudyReader) -> None:
    """Write trials.csv, sorted, and best.yaml, and remove the weights of what is not kept."""
    study._one_at_a_time(lambda now: _write_results(study, study._rows()))


def _write_results(study: StudyReader, table: Sequence[TrialRow]) -> None:
    d = study.definition
    write_csv(study.folder, table, d.targets)
    kept = _select_kept(d, table)
    if kept and len(d.targets) == 1:
        _write_best(study, kept[0])
    _remove_weights(table, kept)


class Results:
    """Results of a study that goes on: what a trial adds to them, at a cost that does not grow.

    Args:
        study: whose results they are; what adds to them is called under its lock.
    """

    def __init__(self, study: StudyReader) -> None:
        self._study = study
        self._file = TrialsFile(study.folder, study.definition.targets)
        self._kept: list[TrialRow] = []

    def add_missing(self, ended: Iterable[FrozenTrial]) -> None:
        """Add those trials that are not there yet: who was to do it has died."""
        self.read_new()
        for trial in ended:
            if trial.number not in self._file.numbers:
                self.add(trial)

    def add(self, trial: FrozenTrial) -> None:
        """Add a trial that has ended, once; what is left half is done by ``add_missing``."""
        self.read_new()
        if trial.number in self._file.numbers:
            return
        d = self._study.definition
        row = make_row(trial, trial_folder(self._study.folder, trial.number))
        rows = [*self._kept, row]
        self._kept = _select_kept(d, rows)
        if self._kept[:1] == [row] and len(d.targets) == 1:
            _write_best(self._study, row)
        _remove_weights(rows, self._kept)
        self._file.add(row, (p.path for p in self._study.space.parameters))

    def read_new(self) -> None:
        """Read what others have added since."""
        rows = {row.number: row for row in [*self._kept, *self._file.read_new()]}
        self._kept = _select_kept(self._study.definition, list(rows.values()))


def _select_kept(d: Definition, table: Sequence[TrialRow]) -> list[TrialRow]:
    """Select the trials that keep their weights, the best first."""
    if len(d.targets) > 1:
        return find_best(table, d.directions)
    return rank_trials(table, d.directions[0])[: max(1, d.keep)]


def _remove_weights(rows: Iterable[TrialRow], kept: Iterable[TrialRow]) -> None:
    """Remove the checkpoints of others; a pruned trial keeps its own: it was not beaten."""
    numbers = {row.number for row in kept}
    for row in rows:
        if row.state in ("complete", "failed") and row.number not in numbers:
            for path in RunFolder(row.folder).checkpoints.glob("*.ckpt"):
                path.unlink(missing_ok=True)


def list_overrides(study: StudyReader, row: TrialRow) -> list[str]:
    """Return what a trial had beside the defaults: fixed overrides, choices, and its limit."""
    d = study.definition
    limit = d.limits.trial_epochs
    epochs = OmegaConf.select(read_settings(RunFolder(row.folder).config), "trainer.max_epochs")
    bounded = [] if limit is None or epochs is None else [f"trainer.max_epochs={epochs}"]
    return [*d.overrides, *study.space.overrides(row.params), *bounded]


def _write_best(study: StudyReader, row: TrialRow) -> None:
    """Write a config that ``vael train --config-dir SWEEP --config-name best`` trains."""
    d, path = study.definition, study.folder / "best.yaml"
    title = (
        f"# The best of {d.name}: trial {row.number}, {d.targets[0]} {row.values[0]:.6g} "
        f"(k = {study.snapshot.samples})."
    )
    if not path.exists() or path.read_text().partition("\n")[0] != title:
        write_text(path, f"{title}\n{_best(study, row)}")


def _best(study: StudyReader, row: TrialRow) -> str:
    d = study.definition
    config = read_settings(RunFolder(row.folder).config)
    choices = {str(group): str(option) for group, option in config.choices.items()}
    defaults: list[Any] = ["train"]
    defaults += [{f"override /{group}": option} for group, option in choices.items()]
    values = OmegaConf.create({"name": f"{d.name}-best"})
    overrides = list_overrides(study, row)
    for override in OverridesParser.create().parse_overrides(overrides):
        path = override.get_key_element().lstrip("+~")
        if path in choices or path.partition("@")[0] in choices:
            continue
        if override.is_delete():
            raise VaelError(f"best.yaml cannot say {override.input_line}")
        OmegaConf.update(values, path, override.value(), force_add=True)
    head = [
        f"  {training_command(study.folder)}",
        "is the same as",
        f"  {shlex.join(['vael', 'train', *overrides])}",
    ]
    body = OmegaConf.to_yaml(OmegaConf.create({"defaults": [*defaults, "_self_"]}))
    return "".join(f"# {line}\n" for line in head) + body + OmegaConf.to_yaml(values)


def training_command(folder: Path) -> str:
    """Return the command that trains the best configuration."""
    return word_command("vael", "train", "--config-dir", folder, "--config-name", "best")
