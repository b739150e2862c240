"""Start from a checkpoint: its weights alone, or the whole run with what changed since then."""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from vael.config.flat import compare_configs
from vael.errors import CheckpointError, ConfigError
from vael.runs.checkpoint import check_fits, load_checkpoint, parse_model_file
from vael.runs.folder import RunFolder
from vael.training.loggers.csv import MetricsCsv
from vael.training.module import LitVAE
from vael.types import DataSpec

PATIENCE = "callbacks.early_stopping.patience"
NEEDED = {"state_dict", "config", "optimizer_states", "lr_schedulers", "callbacks", "loops"}

log = logging.getLogger("vael")


class Place(NamedTuple):
    """How far a checkpoint's run has come.

    Attributes:
        step: optimiser steps.
        epochs: that are over, with their validation.
    """

    step: int
    epochs: int


def warm_start(lit: LitVAE, other: Path, folder: Path) -> None:
    """Take the best weights of another run, or those of a checkpoint, not its objective's state.

    Args:
        lit: takes them.
        other: the run's folder or the checkpoint.
        folder: of this run, for the message.
    """
    path = other if other.is_file() else RunFolder(other).best
    own = lit.state_dict()
    kept = {name: value for name, value in own.items() if name.startswith("objective.")}
    loaded = load_checkpoint(path)["state_dict"]
    weights = {name: v for name, v in loaded.items() if not name.startswith("objective.")}
    remedy = "Give the same model and data, or leave init_from out."
    check_fits(path, {**weights, **kept}, own, _model_of(folder), remedy)
    lit.load_state_dict({**weights, **kept})


def check_resumable(lit: LitVAE, csv: MetricsCsv, last: Path, folder: Path) -> None:
    """Check that a run can go on from its last checkpoint, and warn of what changed since then.

    Rows of metrics.csv after the checkpoint are dropped.

    Args:
        lit: the run's module, as built; takes the warnings.
        csv: the run's.
        last: the checkpoint.
        folder: the run's.
    """
    loaded = load_checkpoint(last)
    saved = parse_model_file(loaded, last)
    remedy = "Train in a new folder instead."
    check_fits(last, saved.state, lit.state_dict(), _model_of(folder), remedy)
    place = find_place(loaded, last)
    csv.keep_until(place.step)
    for text in (
        describe_edits(saved.config, place, OmegaConf.create(lit.config)),
        describe_other_data(saved.spec, place, lit.spec),
        describe_lost_epochs(place, csv.by_step().values(), lit.target.name),
    ):
        if text:
            lit.warnings.append(text)
            log.warning(text)


def _model_of(folder: Path) -> str:
    return f"the model of {RunFolder(folder).config}"


def find_place(saved: Mapping[str, Any], path: Path) -> Place:
    """Find the place at which a run goes on from what a checkpoint holds.

    Raises:
        CheckpointError: it holds weights alone, or is of something else.
    """
    try:
        if missing := sorted(NEEDED - saved.keys()):
            raise TypeError(f"it has no {missing[0]}")
        step, epoch = saved["global_step"], saved["epoch"]
        over = saved["loops"]["fit_loop"]["epoch_loop.batch_progress"]["is_last_batch"]
        if not (type(step) is type(epoch) is int and type(over) is bool):
            raise TypeError("its step is no number")
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path} is no checkpoint that a run can go on from ({error}): put the run's own "
            "there, or delete it to start anew; init_from=FILE starts from its weights."
        ) from error
    return Place(step, epoch + over)


def describe_edits(then: Mapping[str, Any], place: Place, config: DictConfig) -> str:
    """Describe the settings that are not those of the checkpoint; empty where there are none.

    Args:
        then: the checkpoint's config.
        place: the checkpoint's.
        config: of the run's folder now.

    Raises:
        ConfigError: one of them is in the state that is loaded from the checkpoint: the config
            would not say what is trained.
    """
    found = compare_configs(OmegaConf.create(dict(then)), config)
    kept = [
        str(one)
        for one in found
        if one.what.startswith(("optimizer.", "scheduler."))
        or (one.what == PATIENCE and None not in (one.then, one.now))
    ]
    if kept:
        raise ConfigError(
            f"config.yaml was edited after step {place.step}, but an optimiser, its schedule and "
            f"early stopping go on with the state in last.ckpt: {'; '.join(kept)}. Undo that, or "
            "start from these weights in a new folder: vael train init_from=RUN."
        )
    changed = "; ".join(map(str, found))
    before = f"config.yaml has changed since step {place.step}, from which this run goes on"
    return f"{before}: {changed}" if changed else ""


def describe_other_data(then: DataSpec, place: Place, now: DataSpec) -> str:
    """Say that the data are not those of the checkpoint any more; empty where they are."""
    if then.digest == now.digest:
        return ""
    return (
        f"the data are not what they were before step {place.step}, from which this run goes "
        f"on: their digest was {then.digest}, and is {now.digest}"
    )


def describe_lost_epochs(place: Place, rows: Iterable[Mapping[str, float]], target: str) -> str:
    """Say how many epochs have no ``target`` in metrics.csv any more; empty where all have."""
    there = {row["epoch"] for row in rows if target in row and "epoch" in row}
    missing = place.epochs - sum(0 <= epoch < place.epochs for epoch in there)
    if not missing:
        return ""
    return (
        f"metrics.csv had lost the scores of {missing} of {place.epochs} epochs before "
        f"step {place.step}, from which this run goes on: train/* and val/* of the "
        "summary are of the best epoch that is left, which need not be best.ckpt's"
    )
