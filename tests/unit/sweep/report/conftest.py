"""A sweep's folder with a study of known trials, made without training."""

import json
from pathlib import Path

import numpy as np
import optuna
import pytest
import torch
import yaml

from vael.report import pictures
from vael.sweep.report.contents import read_sweep
from vael.sweep.report.importance import compute_importances
from vael.sweep.report.page import render_sweep
from vael.sweep.study.ranking import Goal, find_best
from vael.sweep.study.table import TrialTable
from vael.sweep.study.verdict import Contender, compare_choices

GOAL = Goal("tiny", ("val/bpd",), ("minimize",), 8)
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
KINDS = {
    float: optuna.distributions.FloatDistribution(1e-4, 100, log=True),
    int: optuna.distributions.IntDistribution(2, 64, log=True),
    str: optuna.distributions.CategoricalDistribution(
        ("gaussian", "bernoulli", "shared", "predicted", "mass", "density", EVIL, f"{EVIL}2")
    ),
}


class Fake:
    """Fabricated trials of a sweep, and their run folders."""

    def __init__(self, folder: Path, goal: Goal) -> None:
        self.folder, self.goal = folder, goal
        self.study = optuna.create_study(directions=list(goal.directions))
        folder.mkdir(parents=True, exist_ok=True)

    def add(
        self,
        values=None,
        state="COMPLETE",
        reason=None,
        fit="mass",
        metrics=None,
        picture=False,
        family=None,
        **params,
    ):
        """One trial; parameters by name with __ for a dot."""
        params = {name.replace("__", "."): value for name, value in params.items()}
        number = len(self.study.get_trials(deepcopy=False))
        run = self.folder / "trials" / f"{number:04d}"
        run.mkdir(parents=True)
        self.study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState[state],
                values=values,
                params=params,
                distributions={name: KINDS[type(value)] for name, value in params.items()},
                user_attrs={"reason": reason} if reason else {},
            )
        )
        if state in ("RUNNING", "WAITING"):
            return
        found = dict(zip(self.goal.targets, values or (), strict=False)) | (metrics or {})
        (run / "summary.json").write_text(
            json.dumps(
                {
                    "status": "finished",
                    "reason": reason,
                    "metrics": found,
                    "epochs": 3,
                    "seconds": 2.0,
                    "samples": {"val": 4},
                    "fit": "mass" if fit == "auto" else fit,
                    "seed": 0,
                }
            )
        )
        (run / "config.yaml").write_text(
            yaml.safe_dump(
                {
                    "likelihood": {"fit": fit},
                    "command": f"python train.py trial={number}",
                    "choices": {"likelihood": family or params.get("likelihood", "gaussian")},
                }
            )
        )
        if picture:
            image = pictures.draw_samples(torch.rand(4, 1, 8, 8))
            for name in ("samples", "reconstructions", "traversal"):
                pictures.save_picture(
                    pictures.Picture(image, f"{name} of {number} <i>"),
                    run / "images" / f"{name}.png",
                )

    def confirm(self, seed, metrics, status="finished", reason=None):
        """One run of the best on a fresh seed."""
        run = self.folder / "confirm" / f"{seed:04d}"
        run.mkdir(parents=True)
        best = find_best(self.table(), self.goal.directions)[0].number
        (run / "confirms.json").write_text(json.dumps({"trial": best, "seed": seed}))
        (run / "summary.json").write_text(
            json.dumps(
                {
                    "status": status,
                    "reason": reason,
                    "metrics": metrics,
                    "seed": seed,
                    "samples": {"val": 4, "test": 100},
                }
            )
        )

    def table(self):
        return TrialTable(self.folder).rows(self.study.get_trials(deepcopy=False))

    def write(self, verdicts=()) -> Path:
        table, trials = self.table(), self.study.get_trials(deepcopy=False)
        shares = compute_importances(trials, table, self.goal.directions)
        page = self.folder / "report.html"
        page.write_text(render_sweep(read_sweep(self.folder, self.goal, table, shares, verdicts)))
        return page


def verdict(names, path="likelihood"):
    """Of contenders that need 0.1 bits more each, on three seeds of twenty examples."""
    rng = np.random.default_rng(0)
    tables = {
        name: 2 + 0.1 * i + 0.01 * rng.normal(size=(3, 1)) + 0.05 * rng.normal(size=(3, 20))
        for i, name in enumerate(names)
    }
    contenders = {
        name: Contender(name, 2, 20 - i, tuple(tables[name].mean(1).tolist()))
        for i, name in enumerate(names)
    }
    return compare_choices(path, "bpd", True, contenders, tables, (1, 2, 3))


@pytest.fixture
def judged():
    """Makes a verdict on choices of these names."""
    return verdict


@pytest.fixture
def evil():
    """Ends a script and starts another wherever it is not escaped."""
    return EVIL


@pytest.fixture
def fake(tmp_path):
    """An empty one; another goal makes another."""
    return lambda goal=GOAL: Fake(tmp_path / goal.name, goal)


@pytest.fixture
def small(fake):
    """Five complete trials of two likelihoods, one pruned, one failed, one running."""
    made = fake()
    for i, (value, family) in enumerate(
        [
            (2.5, "gaussian"),
            (2.25, "bernoulli"),
            (2.0, "gaussian"),
            (2.75, "bernoulli"),
            (2.125, "gaussian"),
        ]
    ):
        params = {"likelihood.scale": "shared"} if family == "gaussian" else {}
        made.add(
            [value],
            model__latent_dim=2 ** (i + 1),
            objective__beta=0.25 * 2.0**i,
            likelihood=family,
            picture=True,
            **params,
            metrics={"val/rate": 5.0 + i, "val/distortion": 100.0 - value * i},
        )
    made.add(
        [2.9],
        "PRUNED",
        "not among the best half after 3 epochs",
        model__latent_dim=5,
        objective__beta=7.0,
        likelihood="gaussian",
    )
    made.add(
        None,
        "FAIL",
        "the loss is nan at step 7",
        model__latent_dim=6,
        objective__beta=3.0,
        likelihood="bernoulli",
    )
    made.add(None, "RUNNING", model__latent_dim=7, objective__beta=4.0, likelihood="bernoulli")
    for seed, extra in ((11, 0.01), (12, 0.03)):
        made.confirm(seed, {"val/bpd": 2.0 + extra, "test/bpd": 2.125 + extra})
    return made
