"""A worker and its trials, one after another; each fault is the real one."""

import json
import os
import signal
import threading
import time
from itertools import pairwise

import pytest
from helpers.fake_study import STEPS, FakeStudy

from vael.sweep.spec.definition import Limits
from vael.sweep.study import lease
from vael.sweep.study.records import Slot
from vael.sweep.workers.worker import work_on_trials

SLOT = Slot(None, 1, 1)


def summary(folder):
    return json.loads((folder / "summary.json").read_text())


def kinds(study):
    return {number: [outcome.kind for outcome in told] for number, told in study.told.items()}


def test_a_failing_trial_is_told_with_its_reason_and_the_next_one_runs(
    tmp_path, server, trial, marked
):
    runs = [
        trial(nan="{_target_: helpers.callbacks.Poison, step: 3}"),
        trial("model.encoder.hidden=[-1]"),
        trial(greedy="{_target_: helpers.callbacks.Greedy, step: 3}"),
        trial(),
    ]
    study = FakeStudy(tmp_path / "sweep", runs)
    assert work_on_trials(study, "me", server, SLOT) == 0
    assert kinds(study) == {0: ["failed"], 1: ["failed"], 2: ["failed"], 3: ["complete"]}
    nan, bad, greedy, _ = (study.told[n][0].reason for n in range(4))
    assert nan.startswith("the loss is nan at step 3 (epoch 1): distortion not finite")
    assert bad.startswith("model.encoder")
    assert greedy.startswith("out of memory: ")
    assert [summary(run)["status"] for run in runs] == ["failed"] * 3 + ["finished"]
    assert [s for n, s, _ in study.reports if n == 3] == [1, 2, 3, 4]
    assert [s for n, s, _ in study.reports if n == 0] == [1]
    assert lease.find_holder(runs[0]) is None
    assert study.threads == {threading.active_count()}  # each trial was started without any


def test_a_pruned_trial_ends_early_and_keeps_what_it_has(tmp_path, server, trial):
    run = trial("trainer.max_epochs=500", "callbacks.early_stopping.patience=null")
    study = FakeStudy(tmp_path / "sweep", [run], prune_at={0: 3})
    assert work_on_trials(study, "me", server, SLOT) == 0
    [outcome] = study.told[0]
    assert (outcome.kind, outcome.reason) == ("pruned", "pruned after 3 epochs")
    done = summary(run)
    assert done["status"] == "pruned"
    assert 4 <= done["epochs"] < 100
    assert len(study.reports) == done["epochs"]
    for name in ("checkpoints/best.ckpt", "checkpoints/last.ckpt", "images/samples.png"):
        assert (run / name).exists(), name


def test_in_its_last_quarter_a_trial_is_left_to_end(tmp_path, server, trial):
    """One noisy epoch would lose the best trial, and save next to nothing."""
    run = trial("trainer.max_epochs=30", "callbacks.early_stopping.patience=null")
    study = FakeStudy(tmp_path / "sweep", [run], prune_at={0: 23})
    assert work_on_trials(study, "me", server, SLOT) == 0
    assert kinds(study) == {0: ["complete"]}
    assert summary(run)["epochs"] == 30
    assert [step for _, step, _ in study.reports] == list(range(1, 31))


def test_a_killed_trial_goes_on_from_its_checkpoint_under_its_number(tmp_path, server, trial):
    kill = (
        "{_target_: helpers.callbacks.KillOnce, file: %s, number: SIGKILL, where: batch, step: %d}"
    )
    run = trial(kill=kill % (tmp_path / "killed", 2 * STEPS))
    study = FakeStudy(tmp_path / "sweep", [run, trial()])
    assert work_on_trials(study, "me", server, SLOT) == 0
    assert kinds(study) == {0: ["lost", "complete"], 1: ["complete"]}
    assert "killed by signal 9" in study.told[0][0].reason
    assert (
        f"continuing from {run}/checkpoints/last.ckpt at step {2 * STEPS}"
        in (run / "train.log").read_text()
    )
    assert sorted({s for n, s, _ in study.reports if n == 0}) == [1, 2, 3, 4]


def test_a_dead_server_loses_its_trial_and_is_replaced(tmp_path, server, trial):
    run = trial(wait=f"{{_target_: helpers.callbacks.Wait, file: {tmp_path}/step}}")
    study = FakeStudy(tmp_path / "sweep", [run])

    def kill_server():
        while not (tmp_path / "step_0").exists():
            time.sleep(0.02)
        server._server.kill()

    thread = threading.Thread(target=kill_server)
    thread.start()
    assert work_on_trials(study, "me", server, SLOT) == 0
    thread.join()
    assert kinds(study) == {0: ["lost", "complete"]}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_gives_the_trial_back_saved(tmp_path, server, trial, number, code):
    wait = f"{{_target_: helpers.callbacks.Wait, file: {tmp_path}/step, seconds: 0.05}}"
    run = trial("trainer.max_epochs=500", wait=wait)
    study = FakeStudy(tmp_path / "sweep", [run, trial()])

    def ask():
        while not (run / "metrics.csv").exists():
            time.sleep(0.02)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=ask)
    thread.start()
    assert work_on_trials(study, "me", server, SLOT) == code
    thread.join()
    assert kinds(study) == {0: ["stopped"]}
    assert summary(run)["status"] == "interrupted"
    assert (run / "checkpoints" / "last.ckpt").exists()
    assert not list((tmp_path / "sweep" / "workers").iterdir())


def test_a_trial_that_uses_up_its_time_counts_with_what_it_has(tmp_path, server, trial):
    run = trial("trainer.max_epochs=5000", "callbacks.early_stopping.patience=null")
    study = FakeStudy(tmp_path / "sweep", [run], limits=Limits(trial_minutes=0.05))
    begun = time.monotonic()
    assert work_on_trials(study, "me", server, SLOT) == 0
    assert time.monotonic() - begun < 150  # all its epochs would take longer
    [outcome] = study.told[0]
    assert (outcome.kind, outcome.reason) == ("pruned", "time limit of 0.05 min")
    assert summary(run)["epochs"] == len(study.reports) < 5000


def test_a_trial_that_another_worker_has_taken_is_left(tmp_path, server, trial):
    wait = f"{{_target_: helpers.callbacks.Wait, file: {tmp_path}/step, seconds: 1}}"
    run = trial("trainer.max_epochs=500", wait=wait)
    study = FakeStudy(tmp_path / "sweep", [run])

    def steal():
        while not (tmp_path / "step_0").exists():
            time.sleep(0.02)
        study.waiting.append(None)
        lease.take_lease(run, "thief", 2)

    def finish(claim, outcome):
        study.told[claim.number] = [outcome]
        study.waiting.clear()

    study.finish = finish
    thread = threading.Thread(target=steal)
    thread.start()
    assert work_on_trials(study, "me", server, SLOT) == 0
    thread.join()
    assert (study.told[0][0].kind, study.told[0][0].reason) == (
        "lost",
        "another worker has taken it",
    )
    assert lease.find_holder(run).worker == "thief"
    pid = int((tmp_path / "step_0").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_lease_is_kept_up_while_the_storage_is_away(tmp_path, server, trial):
    ages = []

    def away():
        if not ages:
            for _ in range(30):
                time.sleep(0.1)
                ages.append(lease.find_age(run))

    run = trial()
    study = FakeStudy(tmp_path / "sweep", [run], away=away)  # its leases are stale after 5 s
    assert work_on_trials(study, "me", server, SLOT) == 0
    assert len(ages) == 30
    assert any(later < age for age, later in pairwise(ages)), "it was touched meanwhile"
    assert max(ages) < 5
    assert kinds(study) == {0: ["complete"]}
