"""Replay: whole searches on the landscape of recorded curves, without training.

Workers in turns, an epoch each, as so many cores would: a worker claims a trial, reports each
epoch, and the pruner is asked where `vael sweep` would ask it.
"""

import hashlib
import json
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import yaml
from optuna.trial import Trial, TrialState

from searching.landscape import Landscape
from searching.records import DIGITS, Record
from vael.sweep.spec.grammar import parse_space
from vael.sweep.spec.space import Space
from vael.sweep.study import samplers
from vael.sweep.workers.attempt import PRUNABLE_FRACTION

TWO = ", two workers"  # ends the name of a pair that searches with as many; one else
OTHER = ", another seed"  # of a pair whose sampler has another seed, on the same landscape
DEFAULT = {
    "model.latent_dim": 16,
    "objective.beta": 1.0,
    "optimizer.lr": 1e-3,
    "likelihood": "gaussian",
    "likelihood.fit": "mass",
    "likelihood.scale": "shared",
}


@dataclass(frozen=True)
class Replay:
    """How one search went.

    Attributes:
        ends: of each trial in the order of their ends: epochs of all trials by then, its score,
            and whether it is complete.
        default: score of the default configuration.
        tried: digest of what its trials tried, as many as were asked for.
    """

    ends: list[tuple[int, float, bool]]
    default: float
    tried: str = ""

    def best(self, epochs: float = math.inf, trials: int | None = None) -> float:
        """Return the best score of a complete trial within so many epochs, or so many trials."""
        return min(
            (s for spent, s, whole in self.ends[:trials] if whole and spent <= epochs),
            default=math.inf,
        )


def read_space(file: Path) -> Space:
    """Read the space of a sweep's file."""
    plain = yaml.safe_load(file.read_text())
    return parse_space(plain["space"], plain.get("when") or {})


def run_search(
    landscape: Landscape,
    space: Space,
    sampler: Any,
    pruner: Any,
    seed: int,
    trials: int = 40,
    epochs: int = 0,
    workers: int = 1,
    sampler_seed: int | None = None,
) -> Replay:
    """Search the landscape.

    Args:
        landscape: answers with curves.
        space: of the search.
        sampler: as in a sweep's file.
        pruner: as in a sweep's file.
        seed: of the study.
        trials: at least so many.
        epochs: of all trials, at least so many; of the trials that begin then, all end.
        workers: trials at a time.
        sampler_seed: of the sampler alone; default: that of the study.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    study = _make_study(samplers.make_pruner(pruner, landscape.epochs, trials), seed)
    study.enqueue_trial(DEFAULT)
    sampling = seed if sampler_seed is None else sampler_seed
    running: list[_Running] = []
    begun, spent, ends = 0, 0, list[tuple[int, float, bool]]()
    tried = hashlib.blake2b(digest_size=8)
    while True:
        while len(running) < workers and (begun < trials or spent < epochs):
            study.sampler = samplers.make_sampler(sampler, sampling, begun)
            trial = study.ask()
            params = space.suggest(trial)
            if begun < trials:
                tried.update(json.dumps(params, sort_keys=True).encode())
            running.append(_Running(trial, landscape.curve(params, seed)))
            begun += 1
        if not running:
            default = round(min(landscape.curve(DEFAULT, seed)), DIGITS)
            return Replay(ends, default, tried.hexdigest())
        for one in list(running):
            spent += 1
            state = one.step(study, PRUNABLE_FRACTION * landscape.epochs)
            if state is not None:
                running.remove(one)
                score = round(min(one.curve[: one.done]), DIGITS)
                ends.append((spent, score, state == TrialState.COMPLETE))


def _make_study(pruner: Any, seed: int) -> optuna.Study:
    """Make a study with a name of its own: Hyperband's brackets follow from it."""
    return optuna.create_study(pruner=pruner, study_name=f"replay {seed}")


@dataclass
class _Running:
    trial: Trial
    curve: Sequence[float]
    done: int = 0

    def step(self, study: optuna.Study, prunable: float) -> TrialState | None:
        """Train one epoch, report it, and tell the end where there is one."""
        value = self.curve[self.done]
        self.done += 1
        self.trial.report(value, self.done)
        if self.done == len(self.curve):
            study.tell(self.trial, min(self.curve))
            return TrialState.COMPLETE
        frozen = study._storage.get_trial(self.trial._trial_id)
        if self.done <= prunable and study.pruner.prune(study, frozen):
            study.tell(self.trial, state=TrialState.PRUNED)
            return TrialState.PRUNED
        return None


def prune_recorded(record: Record, pruner: Any, epochs: int) -> Replay:
    """Replay a pruner over a recorded study, whose trials come one by one as they were proposed.

    The sampler learns nothing from what is pruned: its proposals are those of the record.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    made = samplers.make_pruner(pruner, epochs, len(record.trials))
    study = _make_study(made, int(record.study["seed"]))
    spent, ends = 0, list[tuple[int, float, bool]]()
    for curve in (trial.curve for trial in record.trials if trial.curve):
        one, state = _Running(study.ask(), curve), None
        while state is None:
            spent += 1
            state = one.step(study, PRUNABLE_FRACTION * epochs)
        ends.append((spent, min(curve[: one.done]), state == TrialState.COMPLETE))
    return Replay(ends, record.trials[0].best)
