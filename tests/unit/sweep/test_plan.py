"""``vael sweep``: what it refuses, in one line and before anything is made; going on with one."""

import re
import subprocess
import sys

import pytest
import yaml
from helpers.studies import SPACE, WHEN, finish_all, states
from omegaconf import OmegaConf

from vael.errors import ConfigError
from vael.runs import provenance
from vael.runs.provenance import code_changes, code_version
from vael.sweep import create, plan
from vael.sweep.spec import checks
from vael.sweep.spec.facts import Facts
from vael.sweep.spec.snapshot import read_snapshot
from vael.sweep.study import samplers, storage
from vael.sweep.study.study import Study

DIGITS = Facts(levels=17, unit=True, accelerator="cpu", gpus=0, threaded=False)
TABLE = Facts(levels=None, unit=False, accelerator="cpu", gpus=0, threaded=False)


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """Writes a sweep's file, prepares it, and says what was told; data are not looked at."""
    monkeypatch.delenv(storage.ENVIRONMENT, raising=False)

    def prepare(
        facts=DIGITS,
        force=False,
        changes=(),
        overrides=(),
        workers=None,
        per_device=1,
        prune=None,
        **plain,
    ):
        plain = {"trials": 3, "confirm": 0, "space": SPACE, "when": WHEN, **plain}
        file = tmp_path / "search.yaml"
        file.write_text(yaml.safe_dump({k: v for k, v in plain.items() if v is not None}))
        more = ("logger=csv", f"output_dir={tmp_path / 'out'}", *overrides)
        d = plan.define_sweep(file, dict(changes), prune, more)
        return plan.prepare_sweep(d, force, workers, per_device, "local", lambda config: facts)

    return prepare


def space(**changes):
    return {"space": {**SPACE, **changes}}


BAD = {
    "unknown path": (
        space(**{"model.latent_dimm": "choice(1, 2)"}),
        "Did you mean model.latent_dim",
    ),
    "path of one choice only": (
        {"space": {**SPACE, "likelihood.scale": "choice(shared, fixed)"}, "when": None},
        "likelihood=bernoulli",
    ),
    "unknown option": (space(likelihood="choice(gaussian, poison)"), "no such option"),
    "conditional path": (
        {"when": {"likelihood=bernoulli": {"likelihood.scale": "choice(a, b)"}}},
        "likelihood.scale is not a setting",
    ),
    "floats for an integer": (
        space(**{"model.latent_dim": "interval(2, 8)"}),
        "Write model.latent_dim: int(interval(2, 8)).",
    ),
    "log floats for an integer": (
        space(**{"model.latent_dim": "tag(log, interval(2, 8))"}),
        "Write model.latent_dim: tag(log, int(interval(2, 8))).",
    ),
    "data varies": (space(**{"data.image_size": "choice(8, 16)"}), "must not vary"),
    "k varies": (space(**{"evaluation.samples": "choice(1, 4)"}), "must not vary"),
    "devices vary": (space(**{"trainer.devices": "choice(1, 2)"}), "--devices-per-trial"),
    "nothing can work": (
        {"space": {"optimizer.lr": "interval(-2, -1)"}, "when": None},
        "optimizer.lr must be",
    ),
    "override": ({"overrides": ["model.latent_dimm=3"]}, "not a setting"),
    "key of the file": (
        {"overrides": ["pruner=median"]},
        "pruner is a key of the sweep's file, not a setting: write `pruner: median` there",
    ),
    "key within a key": ({"overrides": ["+limits.study_hours=2"]}, "`limits: {study_hours: 2}`"),
    "key that has an option": ({"overrides": ["trials=9"]}, "`trials: 9` there, or give --trials"),
    "override that deletes": ({"overrides": ["~trainer.profiler"]}, "best.yaml could not say"),
    "endless interval": (space(**{"objective.beta": "interval(1, inf)"}), "finite"),
    "endless range": (space(**{"data.batch_size": "range(1, inf)"}), "finite"),
    "override of ours": ({"overrides": ["trainer.devices=2"]}, "--devices-per-trial"),
    "levels": (
        {
            "facts": TABLE,
            "overrides": ["likelihood.scale=shared"],
            "when": None,
            "space": {"objective.beta": "interval(1, 2)"},
        },
        "val/bpd is never logged",
    ),
    "codes of what has none": (
        {**space(latents="choice(vq, flat)"), "target": "val/code_usage"},
        "val/code_usage is never logged with latents=flat, which has no codes",
    ),
    "other conditions": (
        space(condition="choice(none, label)"),
        "condition must be the same in all trials, but is label or none",
    ),
    "families of a table": ({"facts": TABLE, "target": "val/elbo"}, "no score that compares"),
    "families by elbo": ({"target": "val/elbo"}, "use val/bpd"),
    "fits by elbo": (
        {"target": "val/elbo", "when": None, "space": {"likelihood.fit": "choice(mass, density)"}},
        "likelihood.fit",
    ),
    "devices": ({"changes": {"devices": 64}}, "CPU cores"),
    "batch": ({"changes": {"devices": 3}}, "divisible"),
    "sampler": ({"sampler": "tpee"}, "sampler must be one of"),
    "sampler class": ({"sampler": {"_target_": "optuna.samplers.Nope"}}, "cannot be made"),
    "no sampler": (
        {"sampler": {"_target_": "optuna.pruners.NopPruner"}},
        "must make a BaseSampler",
    ),
    "sampler option": (
        {"sampler": {"_target_": "optuna.samplers.TPESampler", "sed": 1}},
        "cannot be made",
    ),
    "sampler seed": (
        {"sampler": {"_target_": "optuna.samplers.TPESampler", "seed": 1}},
        "seed is the study's",
    ),
    "endless sampler": (
        {"sampler": {"_target_": "optuna.samplers.BruteForceSampler"}},
        "sampler: grid",
    ),
    "pruner": ({"pruner": "median?"}, "pruner must be one of"),
    "prune two": (
        {"targets": ["val/rate", "val/distortion"], "confirm": None, "prune": True},
        "--no-prune",
    ),
    "grid of an interval": ({"sampler": "grid"}, "has no grid"),
    "grid too small": (
        {
            "sampler": "grid",
            "trials": 9,
            "when": None,
            "space": {"model.latent_dim": "choice(1, 2)"},
        },
        "2 points",
    ),
    "grid too large": (
        {
            "sampler": "grid",
            "when": None,
            "space": {"data.limit": "range(1, 1000001)", "seed": "range(0, 1000000)"},
        },
        "1,000,000,000,000 points",
    ),
    "storage": ({"storage": "postgres"}, "is no URL"),
    "unreachable": (
        {"storage": "postgresql+psycopg://me:s3cret-word@127.0.0.1:9/db"},
        "cannot be used",
    ),
    "no driver": (
        {"storage": "mysql://me:s3cret-word@127.0.0.1:9/db"},
        "install it, or use journal, SQLite or PostgreSQL",
    ),
    "no such folder": ({"storage": "sqlite:////nowhere/at/all.db"}, "cannot be used"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_nothing_is_made(case, sweep, tmp_path):
    changes, says = BAD[case]
    with pytest.raises(ConfigError) as told:
        sweep(**changes)
    line = str(told.value)
    assert says in line
    assert "\n" not in line
    assert "s3cret-word" not in line
    assert not (tmp_path / "out").exists()


def test_from_the_command_line_it_is_one_line_and_exit_code_2(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text("trials: 3\nspace: {objective.beta: 'interval(8, 2)'}\n")
    done = subprocess.run(
        [sys.executable, "-m", "vael.cli", "sweep", str(file), f"output_dir={tmp_path / 'out'}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "interval(8, 2) is empty" in done.stderr
    assert not (tmp_path / "out").exists()


def test_again_is_exactly_the_remaining_budget_and_more_trials_raise_it(sweep):
    first = sweep(trials=3)
    study = Study.open(first.folder)
    study.claim("a")  # and dies with its trial
    (first.folder / "trials" / "0000" / "lease").unlink()
    again = sweep(trials=3)
    assert again.folder == first.folder
    assert read_snapshot(again.folder).id == read_snapshot(first.folder).id
    assert len(finish_all(Study.open(again.folder))) == 3
    assert finish_all(Study.open(sweep(trials=3).folder)) == []
    assert len(finish_all(Study.open(sweep(trials=3, changes={"trials": 5}).folder))) == 2
    assert states(Study.open(again.folder)) == ["COMPLETE"] * 5


def test_an_integer_cannot_become_a_float_even_by_force(sweep):
    sweep(**space(**{"data.batch_size": "int(interval(8, 64))"}))
    with pytest.raises(ConfigError, match="whether it is an integer"):
        sweep(force=True, **space(**{"data.batch_size": "interval(8, 64)"}))


def test_a_worker_hears_of_a_raised_budget(sweep):
    study = Study.open(sweep(trials=1).folder)
    assert len(finish_all(study)) == 1
    sweep(trials=2)
    assert len(finish_all(study)) == 1


def test_another_space_is_named_and_going_on_is_explicit(sweep):
    folder = sweep().folder
    wider = space(**{"objective.beta": "tag(log, interval(0.1, 8))"})
    with pytest.raises(ConfigError, match=r"interval\(0\.25, 8\).* -> .*interval\(0\.1, 8\)"):
        sweep(**wider)
    finish_all(Study.open(folder))
    sweep(force=True, trials=4, **wider)
    assert len(finish_all(Study.open(folder))) == 1
    with pytest.raises(ConfigError, match=r"choices of likelihood cannot change"):
        sweep(force=True, **space(likelihood="choice(gaussian, bernoulli, squared_error)"))
    with pytest.raises(ConfigError, match="overrides"):
        sweep(overrides=["trainer.max_epochs=7"])


def test_other_code_is_named_and_going_on_is_explicit(sweep, monkeypatch):
    folder = sweep().folder
    now = code_version()
    for module in (plan, create):
        monkeypatch.setattr(module, "code_version", lambda: {**now, "torch": "1.0"})
    with pytest.raises(ConfigError, match=re.escape(f"torch {now['torch']} -> 1.0")):
        sweep()
    sweep(force=True)
    sweep()
    assert read_snapshot(folder).code["torch"] == "1.0"


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ("training/module.py", True),
        ("data/module.py", True),
        ("of_tomorrow/new.py", True),
        ("cli/main.py", False),
        ("pretrained/explore/app.py", False),
        ("cli/export.py", False),
        ("pretrained/generate/kinds.py", False),
        ("evaluation/verify.py", False),
        ("pretrained/model.py", False),
        ("report/comparison/page.py", False),
        ("cli/dashboard.py", False),
        ("sweep/plan.py", False),
        ("report/page.py", False),
    ],
)
def test_only_code_that_trains_is_other_code(tmp_path, monkeypatch, changed, counts):
    monkeypatch.setattr(provenance, "SOURCE", tmp_path)
    before = code_version()
    path = tmp_path / changed
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("changed = True\n")
    assert bool(code_changes(before, code_version())) == counts


def test_a_study_of_this_name_in_a_shared_storage_is_not_taken_over(sweep, tmp_path):
    shared = f"sqlite:///{tmp_path / 'shared.db'}"
    sweep(storage=shared)
    with pytest.raises(ConfigError, match="already has a study search"):
        sweep(storage=shared, overrides=[f"output_dir={tmp_path / 'other'}"])
    sweep(storage=shared)
    with pytest.raises(ConfigError, match="not in journal"):
        sweep(changes={"storage": "journal"})


def test_a_grid_tries_every_point_and_no_other(sweep):
    ready = sweep(
        sampler="grid",
        trials=None,
        when=None,
        space={"model.latent_dim": "choice(2, 16)", "likelihood": "choice(gaussian, bernoulli)"},
    )
    assert ready.definition.trials == 4
    claims = finish_all(Study.open(ready.folder))
    found = [OmegaConf.load(c.folder / "config.yaml") for c in claims]
    points = [(c.model.latent_dim, c.choices.likelihood) for c in found]
    assert points[0] == (16, "gaussian"), "the default comes first"
    assert sorted(points) == [
        (2, "bernoulli"),
        (2, "gaussian"),
        (16, "bernoulli"),
        (16, "gaussian"),
    ]


def test_a_default_outside_of_the_space_is_told_and_not_tried(sweep):
    ready = sweep(**space(**{"model.latent_dim": "choice(2, 3)"}))
    assert "model.latent_dim=16 is outside" in ready.notes[0]
    claim = Study.open(ready.folder).claim("a")
    assert OmegaConf.load(claim.folder / "config.yaml").model.latent_dim in (2, 3)


def test_a_fixed_value_of_what_the_space_varies_is_trial_0_and_told(sweep):
    ready = sweep(overrides=["model.latent_dim=3", "trainer.max_epochs=7"])
    assert ready.notes == (
        "trial 0 is the default configuration, with model.latent_dim=3; the other trials vary "
        "it, as the space says",
    )
    assert sweep(changes={"name": "other"}).notes == ()
    claim = Study.open(ready.folder).claim("a")
    assert OmegaConf.load(claim.folder / "config.yaml").model.latent_dim == 3


def test_a_space_smaller_than_the_budget_is_told_at_the_start(sweep):
    small = {"when": None, "space": {"model.latent_dim": "choice(2, 16)", "seed": "range(0, 3)"}}
    [note] = sweep(trials=7, **small).notes
    assert "the space has 6 points: the search ends after these, before its 7 trials" in note
    assert sweep(trials=6, changes={"name": "whole"}, **small).notes == ()


def test_a_sampler_whose_package_is_missing_is_told_before_anything_is_made(
    sweep, tmp_path, monkeypatch
):
    monkeypatch.setattr(samplers, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="CmaEsSampler needs a package: pip install cmaes"):
        sweep(sampler="cmaes")
    assert not (tmp_path / "out").exists()


def test_limits_and_devices_reach_the_trial_and_its_command(sweep, monkeypatch):
    monkeypatch.setattr(checks, "count_cores", lambda: 2)
    ready = sweep(limits={"trial_epochs": 7}, changes={"devices": 2}, workers=1)
    run = Study.open(ready.folder).claim("a").folder
    config = OmegaConf.load(run / "config.yaml")
    assert (config.trainer.max_epochs, config.trainer.devices) == (7, 2)
    assert "trainer.max_epochs=7" in config.command
    assert (config.evaluation.test, config.report, config.sweep.trial) == (False, False, 0)


def test_a_wandb_run_is_grouped_by_the_study(sweep):
    run = Study.open(sweep(overrides=["logger=wandb"]).folder).claim("a").folder
    logger = OmegaConf.load(run / "config.yaml").logger
    assert (logger.group, logger.job_type) == ("search", "trial")
