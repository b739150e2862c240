"""Results that a sweep leaves beside its trials: trials.csv, best.yaml, no old weights."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from vael.config.yaml import read_settings
from vael.errors import VaelError
from vael.files import write_text
from vael.runs.folder import RunFolder
from vael.sweep.study.ranking import find_best, rank_trials
from vael.sweep.study.reader import StudyReader
from vael.sweep.study.table import TrialRow, write_csv


def write_results(study: StudyReader, table: Sequence[TrialRow], weights: "Weights") -> None:
    """Bring trials.csv and best.yaml up to date and remove the weights of what is not kept."""
    d = study.definition
    write_csv(study.folder / "trials.csv", table, d.targets)
    if len(d.targets) > 1:
        weights.keep_only(find_best(table, d.directions), table)
        return
    order = rank_trials(table, d.directions[0])
    if order:
        _write_best(study, order[0])
        weights.keep_only(order[: max(1, d.keep)], table)


class Weights:
    """Checkpoints of trials that have ended; each trial is looked at until it has none."""

    def __init__(self) -> None:
        self._gone: set[int] = set()

    def keep_only(self, kept: Sequence[TrialRow], table: Sequence[TrialRow]) -> None:
        """Remove the checkpoints of others; a pruned trial keeps its own: it was not beaten."""
        numbers = self._gone | {row.number for row in kept}
        for row in table:
            if row.state in ("complete", "failed") and row.number not in numbers:
                for path in RunFolder(row.folder).checkpoints.glob("*.ckpt"):
                    path.unlink(missing_ok=True)
                self._gone.add(row.number)


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
    return f"vael train --config-dir {shlex.quote(str(folder))} --config-name best"
