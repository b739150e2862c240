"""What a sweep leaves behind: best.yaml that trains, kept weights, confirmations."""

import csv
import json
import statistics
import subprocess
import sys

import pytest
from helpers.runs import ROOT
from helpers.studies import finish_all, make_study, score, train
from omegaconf import OmegaConf

from vael.sweep.study import lease, results
from vael.sweep.study.fresh_scores import score_best
from vael.sweep.study.records import Outcome
from vael.sweep.study.study import Study

OWN = (
    "name",
    "output_dir",
    "evaluation.test",
    "report",
    "sweep.name",
    "sweep.trial",
    "command",
    "logger.group",
    "logger.job_type",
)


def without_own(config):
    for path in OWN:
        OmegaConf.update(config, path, None, force_add=True)
    return config


def test_best_yaml_trains_what_the_best_trial_trained(tmp_path):
    study = make_study(
        tmp_path,
        trials=3,
        overrides=[
            "logger=csv",
            "model=mlp_vae",
            "model.encoder.hidden=[32,16]",
            "trainer.max_epochs=1",
            "objective/schedule=linear",
            "+callbacks.extra.none={}",
            "likelihood.sigma=0.2",
        ],
        space={"objective.beta": "interval(2, 4)", "data.batch_size": "choice(64, 32)"},
        when={},
    )
    claims = finish_all(study)
    best = min(claims, key=score)
    trained = OmegaConf.load(best.folder / "config.yaml")
    printed = subprocess.run(
        [
            sys.executable,
            str(ROOT / "train.py"),
            "--config-dir",
            str(study.folder),
            "--config-name",
            "best",
            "--cfg",
            "job",
            "--resolve",
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout
    config = OmegaConf.create(printed)
    config.pop("experiment", None)
    config.pop("debug", None)
    choices = trained.pop("choices")
    assert choices.model == "mlp_vae"
    assert without_own(config) == without_own(trained)
    first = (study.folder / "best.yaml").read_text().splitlines()[0]
    assert f"trial {best.number}, val/bpd {score(best):.6g} (k = 4)" in first


@pytest.mark.slow
def test_the_printed_command_and_best_yaml_give_the_same_result_to_the_bit(tmp_path):
    study = make_study(
        tmp_path,
        trials=1,
        overrides=[
            "logger=csv",
            "model=mlp_vae",
            "trainer.max_epochs=1",
            "data.limit=200",
            "data.batch_size=64",
        ],
        space={"objective.beta": "interval(2, 4)"},
        when={},
    )
    claim = study.claim("a")
    subprocess.run([sys.executable, "-m", "vael.cli", "train", str(claim.folder)], check=True)
    study.finish(claim, Outcome("complete"))
    out = tmp_path / "by-hand"
    command = OmegaConf.load(claim.folder / "config.yaml").command.split()[2:]
    for arguments in (command, ["-cd", str(study.folder), "-cn", "best", "report=false"]):
        subprocess.run(
            [sys.executable, "train.py", *arguments, f"output_dir={out}"], check=True, cwd=ROOT
        )
    found = [
        json.loads(path.read_text())["metrics"]["val/bpd"] for path in out.glob("*/*/summary.json")
    ]
    assert found == [study.trials()[0].value] * 2


def test_only_the_best_keep_their_weights_and_pruned_trials_theirs(tmp_path):
    study = make_study(tmp_path, trials=6, keep=2)
    values = []
    for value in (5.0, 3.0, 4.0, 1.0, 2.0):
        claim = study.claim("a")
        train(study, claim, value)
        values.append(value)
    pruned = study.claim("a")
    (pruned.folder / "checkpoints").mkdir()
    (pruned.folder / "checkpoints" / "best.ckpt").write_bytes(b"weights")
    study.finish(pruned, Outcome("pruned", "by a test"))
    kept = {int(path.parts[-3]) for path in study.folder.glob("trials/*/checkpoints/*.ckpt")}
    assert kept == {3, 4, 5}
    with (study.folder / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["state"] for row in rows] == ["complete"] * 5 + ["pruned"]
    assert [float(row["val/bpd"]) for row in rows[:5]] == values


def test_the_best_is_confirmed_on_fresh_seeds_with_its_own_settings(tmp_path):
    study = make_study(tmp_path, trials=2, confirm=3, verdict=None)
    for value in (2.0, 3.0):
        train(study, study.claim("a"), value)
    won = OmegaConf.load(study.folder / "trials" / "0000" / "config.yaml")
    seeds, scores = [], (2.2, 2.4, 2.9)
    for value in scores:
        claim = study.claim("a")
        config = OmegaConf.load(claim.folder / "config.yaml")
        assert claim.kind == "confirmation"
        assert (config.evaluation.test, config.report, config.sweep.trial) == (True, True, None)
        assert config.objective.beta == won.objective.beta
        assert config.model.latent_dim == won.model.latent_dim
        seeds.append(config.seed)
        if value == 2.4:  # is stopped and goes on under its own number
            study.finish(claim, Outcome("stopped"))
            again = study.claim("b")
            assert (again.number, again.attempt) == (claim.number, 2)
            claim = again
        train(study, claim, value)
    assert study.claim("a") is None
    assert len({*seeds, won.seed}) == 4
    found = score_best(study, study.rows())
    assert (found.trial, found.searched) == (0, 2.0)
    assert found.scores["val/bpd"] == list(scores)
    text = found.text("val/bpd")
    assert f"{statistics.fmean(scores):.4f} +- {statistics.stdev(scores):.4f}" in text


def test_a_new_best_is_confirmed_anew(tmp_path):
    study = make_study(tmp_path, trials=2, confirm=1)
    for value in (2.0, 3.0):
        train(study, study.claim("a"), value)
    train(study, study.claim("a"), 2.5)
    make_study(tmp_path, trials=3, confirm=1)
    train(study, study.claim("a"), 1.0)
    claim = Study.open(study.folder).claim("a")
    assert claim.kind == "confirmation"
    confirms = json.loads((claim.folder / "confirms.json").read_text())
    assert confirms["trial"] == 2


def test_a_confirmation_that_failed_lends_no_score_to_the_mean(tmp_path):
    study = make_study(tmp_path, trials=1, confirm=3)
    train(study, study.claim("a"), 2.0)
    for value in (2.2, 2.4):
        train(study, study.claim("a"), value)
    broken = study.claim("a")
    (broken.folder / "summary.json").write_text(
        '{"status": "failed", "reason": "the loss is nan", "metrics": {"val/bpd": 9.0}}'
    )
    study.finish(broken, Outcome("failed", "the loss is nan"))
    assert study.claim("a") is None
    found = score_best(study, study.rows())
    assert (found.scores["val/bpd"], found.failed) == ([2.2, 2.4], 1)


def test_a_confirmation_that_runs_while_the_budget_is_raised_keeps_its_folder(tmp_path):
    study = make_study(tmp_path, trials=1, confirm=1)
    train(study, study.claim("a"), 2.0)
    running = study.claim("a")
    make_study(tmp_path, trials=2, confirm=1)
    train(study, study.claim("b"), 1.0)  # a new best
    new = Study.open(study.folder).claim("b")
    assert new.kind == running.kind == "confirmation"
    assert new.folder != running.folder
    assert lease.find_holder(running.folder).worker == "a"
    train(study, running, 2.1)
    train(study, new, 1.5)
    assert study.claim("a") is None
    found = score_best(study, study.rows())
    assert (found.trial, found.scores["val/bpd"]) == (1, [1.5])
    names = sorted(path.name for path in (study.folder / "confirm").iterdir())
    assert names == ["0001", "trial-0-0000"], "the report shows those with a number alone"


def test_best_yaml_has_the_epochs_of_a_trial_that_a_limit_cut(tmp_path):
    study = make_study(tmp_path, trials=1, limits={"trial_epochs": 2})
    [claim] = finish_all(study)
    assert OmegaConf.load(claim.folder / "config.yaml").trainer.max_epochs == 2
    assert OmegaConf.load(study.folder / "best.yaml").trainer.max_epochs == 2


def test_the_command_of_the_best_is_quoted(tmp_path):
    assert results.training_command(tmp_path / "a b").count("'") == 2
