"""The study: exact to the trial, whatever dies when, on every storage."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.runs import ROOT
from helpers.studies import STORAGES, finish_all, make_study, score, states, train
from omegaconf import OmegaConf

from vael.api.search import SearchResult
from vael.config.series import ConfigSeries
from vael.sweep.spec import trial_config
from vael.sweep.study import lease, table
from vael.sweep.study.ranking import find_best
from vael.sweep.study.records import Claim, Outcome, Wait
from vael.sweep.study.study import Study

CHAOS = ROOT / "tests" / "helpers" / "chaos.py"
PLACES = (
    "between ask and lease",
    "between lease and config.yaml",
    "in the trial",
    "before telling",
    "after telling",
    "between told and freed",
)


def worker(study, name, place="nowhere"):
    environment = {**os.environ, "PYTHONPATH": str(CHAOS.parents[1])}
    out = (study.folder / f"{name}.out").open("w")
    with out:
        return subprocess.Popen(
            [sys.executable, str(CHAOS), str(study.folder), name, place],
            env=environment,
            stdout=out,
        )


def works_elsewhere(claim, name="another"):
    """Makes the lease another machine's, which only its age can tell dead."""
    path = claim.folder / lease.NAME
    found = json.loads(path.read_text())
    path.write_text(json.dumps({**found, "worker": name, "machine": "boot of another"}))


def age(claim, seconds):
    path = claim.folder / lease.NAME
    now = path.stat().st_mtime
    os.utime(path, (now - seconds, now - seconds))


@pytest.mark.parametrize("storage", STORAGES)
def test_alone_it_ends_with_exactly_its_trials_and_the_first_is_the_default(tmp_path, storage):
    study = make_study(tmp_path, storage=storage, trials=5)
    done = finish_all(study)
    assert [claim.number for claim in done] == [0, 1, 2, 3, 4]
    assert states(study) == ["COMPLETE"] * 5
    first = OmegaConf.load(study.folder / "trials" / "0000" / "config.yaml")
    base = OmegaConf.load(Path(__file__).parents[4] / "conf" / "model" / "conv_vae.yaml")
    assert first.model.latent_dim == base.latent_dim
    assert (first.objective.beta, first.choices.likelihood) == (1.0, "gaussian")
    assert study.trials()[0].value == 2.0
    assert study.claim("w") is None


@pytest.mark.slow
@pytest.mark.parametrize("storage", STORAGES)
def test_workers_that_die_anywhere_lose_nothing_and_tell_nothing_twice(tmp_path, storage):
    study = make_study(tmp_path, storage=storage, trials=10, confirm=2, retries=9)
    for index, place in enumerate(PLACES):
        dying = worker(study, f"dying-{index}", place)
        assert dying.wait(60) == -9, place
    together = [worker(study, f"w{i}") for i in range(3)]
    printed = []
    for index, child in enumerate(together):
        assert child.wait(120) == 0
        printed += (study.folder / f"w{index}.out").read_text().splitlines()
    assert len(printed) == len(set(printed)), "a trial was worked on to its end twice"
    trials = Study.open(study.folder).trials()
    assert [t.number for t in trials] == list(range(10))
    assert {t.state.name for t in trials} == {"COMPLETE"}
    for trial in trials:
        claim = Claim("trial", trial.number, study.folder / "trials" / f"{trial.number:04d}", 1)
        assert trial.value == score(claim), "told another trial's value"
        assert (
            trial.params["objective.beta"]
            == OmegaConf.load(claim.folder / "config.yaml").objective.beta
        )
    outcomes = sorted((study.folder / "confirm").glob("*/outcome.json"))
    assert len(outcomes) == 2
    if storage == "journal":
        lines = (study.folder / "study.journal").read_text().splitlines()
        log = [json.loads(line) for line in lines]
        told = [entry["trial_id"] for entry in log if entry.get("state") in (1, 2, 3)]
        assert sorted(told) == list(range(10)), "one line each that ends a trial"


@pytest.mark.slow
@pytest.mark.parametrize("storage", STORAGES)
def test_workers_that_die_anywhere_leave_no_point_of_a_finite_space_out_or_twice(
    tmp_path, storage
):
    space = {"model.latent_dim": "choice(2, 4)", "likelihood": "choice(gaussian, bernoulli)"}
    study = make_study(tmp_path, storage=storage, trials=50, retries=9, space=space)
    for index, place in enumerate(PLACES):
        assert worker(study, f"dying-{index}", place).wait(60) == -9, place
    for child in [worker(study, f"w{i}") for i in range(4)]:
        assert child.wait(120) == 0
    trials = Study.open(study.folder).trials()
    assert {t.state.name for t in trials} == {"COMPLETE"}
    points = [tuple(sorted(t.params.items())) for t in trials]
    assert len(set(points)) == len(points) == 2 * (2 + 1)


@pytest.mark.parametrize("storage", STORAGES)
def test_what_is_given_back_waits_and_goes_on_under_its_own_number(tmp_path, storage, light):
    study = make_study(tmp_path, storage=storage, trials=2)
    claim = study.claim("a")
    config = (claim.folder / "config.yaml").read_text()
    study.finish(claim, Outcome("stopped"))
    assert states(study) == ["WAITING"]
    assert lease.find_holder(claim.folder) is None
    again = Study.open(study.folder).claim("b")
    assert (again.number, again.folder, again.attempt) == (0, claim.folder, 2)
    assert (claim.folder / "config.yaml").read_text() == config
    for _ in range(5):  # being stopped is no loss, however often
        study.finish(again, Outcome("stopped"))
        again = study.claim("b")
    assert again.number == 0
    train(study, again)
    finish_all(study)
    assert states(study) == ["COMPLETE", "COMPLETE"]


@pytest.mark.parametrize("storage", STORAGES)
def test_an_orphan_is_adopted_and_its_first_worker_tells_nothing(tmp_path, storage, light):
    study, other = make_study(tmp_path, storage=storage, trials=1), None
    claim = study.claim("a")
    works_elsewhere(claim, "a")
    other = Study.open(study.folder)
    assert isinstance(other.claim("b"), Wait), "its lease is fresh"
    age(claim, 30)
    assert isinstance(other.claim("b"), Wait)
    age(claim, 32)
    adopted = other.claim("b")
    assert (adopted.number, adopted.attempt) == (0, 2)
    assert not lease.renew_lease(claim.folder, claim.attempt)
    assert lease.renew_lease(adopted.folder, adopted.attempt)
    train(study, claim, 1.0)
    assert states(other) == ["RUNNING"], "who lost the lease has told"
    assert not study.report(claim, 1, 5.0)
    train(other, adopted, 3.0)
    train(study, claim, 1.0)
    [trial] = other.trials()
    assert (trial.state.name, trial.value, trial.user_attrs["attempts"]) == ("COMPLETE", 3.0, 2)


def test_a_worker_that_is_no_more_is_seen_at_once(tmp_path):
    study = make_study(tmp_path, trials=1)
    dying = worker(study, "dying", "in the trial")
    assert dying.wait(60) == -9
    claim = study.claim("b")
    assert (claim.number, claim.attempt) == (0, 2)


def test_of_many_workers_one_looks_at_the_leases_for_all(tmp_path, light, monkeypatch):
    """Not all look at all, but who finds an orphan makes the next one look, too."""
    monkeypatch.setattr(lease, "FEW", 2)
    study = make_study(tmp_path, trials=8, lease=60)
    claims = [study.claim("a") for _ in range(3)]
    study.claim("b")
    turn = study.folder / lease.TURN
    assert turn.exists(), "there are more than a few"
    for claim in claims[:2]:  # their workers die
        works_elsewhere(claim)
        age(claim, 61)
    assert study.claim("c").number == 4, "another has just looked"
    now = turn.stat().st_mtime
    os.utime(turn, (now - 7, now - 7))
    assert [study.claim("c").number for _ in range(3)] == [0, 1, 5]


def test_a_trial_that_is_lost_again_and_again_fails_with_its_reason(tmp_path, light):
    study = make_study(tmp_path, trials=2, retries=2)
    numbers = []
    for _ in range(3):
        claim = study.claim("a")
        numbers.append((claim.number, claim.attempt))
        study.finish(claim, Outcome("lost", "killed by signal 9"))
    assert numbers == [(0, 1), (0, 2), (0, 3)]
    assert states(study) == ["FAIL"]
    assert study.trials()[0].user_attrs["reason"] == "lost 3 times: killed by signal 9"
    assert study.claim("a").number == 1


@pytest.mark.parametrize("kind", ["pruned", "failed"])
def test_other_outcomes_count_and_keep_their_reason(tmp_path, kind, light):
    study = make_study(tmp_path, trials=2)
    claim = study.claim("a")
    study.report(claim, 1, 3.0)
    study.finish(claim, Outcome(kind, "because of\na test"))
    finish_all(study)
    first = study.trials()[0]
    assert first.state.name == {"pruned": "PRUNED", "failed": "FAIL"}[kind]
    assert first.user_attrs["reason"] == "because of a test"
    assert len(study.trials()) == 2


def test_a_result_that_is_no_number_is_a_failure(tmp_path, light):
    study = make_study(tmp_path, trials=1)
    claim = study.claim("a")
    (claim.folder / "summary.json").write_text('{"status": "finished", "metrics": {}}')
    study.finish(claim, Outcome("complete"))
    assert states(study) == ["FAIL"]
    assert "val/bpd is None" in study.trials()[0].user_attrs["reason"]


def test_a_combination_that_cannot_work_is_a_failed_trial_and_not_the_end(tmp_path):
    study = make_study(
        tmp_path,
        trials=6,
        when={},
        sampler="grid",
        space={
            "data.batch_size": "choice(128, 99)",
            "trainer.accumulate_grad_batches": "choice(1, 2, 3)",
        },
    )
    done = finish_all(study)
    failed = [t for t in study.trials() if t.state.name == "FAIL"]
    assert sorted(
        (t.params["data.batch_size"], t.params["trainer.accumulate_grad_batches"]) for t in failed
    ) == [(99, 2), (128, 3)]
    assert all("must be divisible" in t.user_attrs["reason"] for t in failed)
    assert len(done) == 4


def test_the_pruner_stops_the_worse_and_a_confirmation_never(tmp_path, light):
    study = make_study(
        tmp_path,
        trials=3,
        confirm=1,
        pruner={
            "_target_": "optuna.pruners.MedianPruner",
            "n_startup_trials": 1,
            "n_warmup_steps": 0,
        },
    )
    good = study.claim("a")
    assert not any(study.report(good, step, 2.0) for step in (1, 2, 3))
    train(study, good, 2.0)
    bad = study.claim("a")
    assert study.report(bad, 1, 9.0)
    study.finish(bad, Outcome("pruned", "by the pruner"))
    train(study, study.claim("a"), 3.0)
    confirmation = study.claim("a")
    assert confirmation.kind == "confirmation"
    assert not study.report(confirmation, 1, 99.0)
    assert [t.state.name for t in study.trials()] == ["COMPLETE", "PRUNED", "COMPLETE"]


def test_the_search_is_reproducible_also_when_it_is_interrupted(tmp_path, light):
    def params(study):
        return [trial.params for trial in study.trials()]

    whole = make_study(tmp_path / "whole", trials=14)
    finish_all(whole)
    parts = make_study(tmp_path / "parts", trials=14)
    for _ in range(7):
        study = Study.open(parts.folder)
        train(study, study.claim("a"))
        train(study, study.claim("b"))
    assert params(parts) == params(whole)
    other = make_study(tmp_path / "other", trials=14, seed=1)
    finish_all(other)
    assert params(other)[1:] != params(whole)[1:]
    drawn = [tuple(sorted(p.items())) for p in params(whole)]
    assert len(set(drawn)) == len(drawn), "no trial repeats another"


def test_two_workers_never_draw_the_same(tmp_path, light):
    study = make_study(tmp_path, trials=8, sampler="random")
    claims = [Study.open(study.folder).claim(f"w{i}") for i in range(8)]
    betas = {OmegaConf.load(claim.folder / "config.yaml").objective.beta for claim in claims}
    assert len(betas) == 8
    assert isinstance(study.claim("late"), Wait)


def test_several_targets_are_all_told(tmp_path, light):
    study = make_study(tmp_path, trials=3, targets=["val/rate", "val/distortion"], pruner=None)
    claims = finish_all(study)
    assert [t.values for t in study.trials()] == [[1.0, score(c)] for c in claims]


def test_a_study_out_of_time_begins_no_trial_but_ends_those_it_has(tmp_path, light):
    study = make_study(tmp_path, trials=3, limits={"study_hours": 1e-9})
    assert study.claim("a") is None


def test_a_line_that_a_dying_writer_left_half_is_mended(tmp_path, light):
    study = make_study(tmp_path, trials=2)
    train(study, study.claim("a"))
    with (study.folder / "study.journal").open("ab") as file:
        file.write(b'{"op_code": 6, "worker_id": "x", "tri')
    again = Study.open(study.folder)
    finish_all(again)
    assert states(again) == ["COMPLETE", "COMPLETE"]


def test_what_a_trial_costs_does_not_grow_with_their_number(tmp_path, light, monkeypatch):
    """How often a run's summary is read, and a folder of weights looked into, for each trial."""
    study = make_study(tmp_path, trials=30, sampler="random")
    read, looked, costs = table.peek_summary, Path.glob, []

    def counted(run):
        costs[-1] += 1
        return read(run)

    def glob(path, pattern, **options):
        costs[-1] += path.name == "checkpoints"
        return looked(path, pattern, **options)

    monkeypatch.setattr(table, "peek_summary", counted)
    monkeypatch.setattr(Path, "glob", glob)
    for _ in range(30):
        costs.append(0)
        train(study, study.claim("a"))
    assert max(costs[20:]) <= max(costs[5:10]) < 10
    kept = {p.parents[1].name for p in study.folder.rglob("best.ckpt")}
    best = sorted(study.trials(), key=lambda trial: trial.value)[:3]
    assert kept == {f"{trial.number:04d}" for trial in best}


def test_what_breaks_a_constraint_is_not_the_best_and_says_why(tmp_path, light):
    study = make_study(tmp_path, trials=8, seed=1, constraint="val/distortion > 2.5")
    claims = finish_all(study)
    rows = study.rows()
    kept = {row.number: row.values[0] for row in rows if row.values[0] > 2.5}
    assert 0 < len(kept) < len(claims)
    [best] = find_best(rows, ("minimize",))
    assert best.number == min(kept, key=kept.get)
    assert SearchResult(study.folder).best.folder == best.folder
    for row in rows:
        assert row.feasible == (row.number in kept)
        said = f"val/distortion is {row.values[0]:.6g}, but the constraint is val/distortion > 2.5"
        assert row.reason == (None if row.feasible else said)


def test_bounds_on_the_size_alone_go_into_the_config_of_a_trial(tmp_path):
    study = make_study(tmp_path, constraint=["parameters < 300", "seconds < 9"])
    config = trial_config.compose_trial(study.definition, [], 0, None, ConfigSeries())
    assert list(config.sweep.constraint) == ["parameters < 300"]


@pytest.mark.parametrize("targets", [["val/bpd"], ["val/bpd", "seconds"]])
def test_what_is_too_large_ends_untrained_and_the_sampler_is_told(tmp_path, targets, light):
    """That a run knows its size before the first step: test_summarize."""
    space = {"model.latent_dim": "int(interval(2, 1000))"}
    study = make_study(
        tmp_path, trials=10, space=space, when={}, targets=targets, constraint="parameters < 300"
    )
    sizes = []
    for number in range(10):
        claim = study.claim("w")
        assert claim.number == number
        size = study.trials()[number].params["model.latent_dim"]
        sizes.append(size)
        summary = {"status": "pruned", "parameters": size, "metrics": {}}
        if size < 300:
            summary |= {"status": "finished", "metrics": {"val/bpd": 1.0}, "seconds": 1.0}
        (claim.folder / "summary.json").write_text(json.dumps(summary))
        study.finish(claim, Outcome("complete" if size < 300 else "pruned", "too large"))
    rows = study.rows()
    assert [row.state for row in rows] == ["complete" if s < 300 else "pruned" for s in sizes]
    assert [row.feasible for row in rows] == [s < 300 for s in sizes]
    assert all(row.feasible for row in find_best(rows, study.definition.directions))
    assert study.claim("w") is None
    assert 0 < sum(size < 300 for size in sizes) < 10
    for trial, size in zip(study.trials(), sizes, strict=True):  # what Optuna's samplers read
        excess = 0 if size < 300 else pytest.approx(size - 300, abs=1e-12)
        assert trial.constraints == {"parameters < 300": excess}
