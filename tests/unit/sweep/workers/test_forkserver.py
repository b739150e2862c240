"""Forked trials equal those that a new Python trains, and the server computes nothing."""

import json
import os
import subprocess
import sys

import pytest
import torch
from helpers.fake_study import FakeStudy
from helpers.identical import assert_same, rows, weights

from vael.errors import VaelError
from vael.sweep.study.records import Slot
from vael.sweep.workers.command import LOG, Command, trial_environment
from vael.sweep.workers.forks import ForkServer
from vael.sweep.workers.process import ProcessStarter
from vael.sweep.workers.worker import work_on_trials

ALONE = """
import os, torch
from torch.utils._python_dispatch import TorchDispatchMode
from vael.sweep.workers.preload import preload

class Watch(TorchDispatchMode):
    seen = []
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.seen.append(str(function))
        return function(*args, **(kwargs or {}))

with Watch():
    preload()
# torchmetrics makes one constant of a number, which computes nothing
assert Watch.seen in ([], ["aten.lift_fresh.default"]), Watch.seen
before = len(Watch.seen)
with Watch():
    torch.ones(1) + 1
assert len(Watch.seen) == before + 2
assert len(os.listdir("/proc/self/task")) == 1
assert not torch.cuda.is_initialized()
import sys
assert "wandb" not in sys.modules
assert "scipy.stats" not in sys.modules
"""


def test_what_the_server_imports_runs_no_tensor_operation_and_starts_no_thread():
    done = subprocess.run(
        [sys.executable, "-c", ALONE],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=200,
    )
    assert done.returncode == 0, done.stderr


def test_a_trial_sees_nothing_of_its_workers_launcher():
    around = {
        "PATH": "/bin",
        "SLURM_JOB_ID": "7",
        "SLURMD_NODENAME": "n1",
        "RANK": "1",
        "LOCAL_RANK": "1",
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "a",
        "MASTER_PORT": "1",
        "TORCHELASTIC_RUN_ID": "x",
        "GROUP_RANK": "0",
        "VAEL_RUN": "x",
        "VAEL_SUPERVISED": "1",
        "VAEL_STORAGE": "postgresql+psycopg://me:secret@host/db",
        "WANDB_SERVICE": "x",
        "PL_GLOBAL_SEED": "3",
        "CUDA_VISIBLE_DEVICES": "0,1",
        "VAEL_CACHE": "/c",
        "WANDB_MODE": "offline",
        "OMP_NUM_THREADS": "8",
    }
    seen = trial_environment(around, Slot("1", 1, 2))
    assert seen == {
        "PATH": "/bin",
        "VAEL_CACHE": "/c",
        "WANDB_MODE": "offline",
        "CUDA_VISIBLE_DEVICES": "1",
        "OMP_NUM_THREADS": "2",
        "VAEL_MAX_THREADS": "2",
    }
    assert trial_environment(around, Slot(None, 1, 1))["CUDA_VISIBLE_DEVICES"] == "0,1"


@pytest.mark.slow
def test_a_forked_trial_equals_that_of_a_new_python_to_the_bit(tmp_path, server, trial):
    runs = [trial("scheduler=plateau"), trial("scheduler=plateau")]
    for run, starter in zip(runs, (server, ProcessStarter()), strict=True):
        assert (
            work_on_trials(FakeStudy(tmp_path / "sweep", [run]), "me", starter, Slot(None, 1, 1))
            == 0
        )
    forked, plain = runs
    for part in ("state_dict", "optimizer_states", "lr_schedulers", "global_step"):
        assert_same(weights(forked)[part], weights(plain)[part])
    assert list(rows(forked)) == list(rows(plain))
    assert (forked / LOG).read_text() == (plain / LOG).read_text()
    assert {p.name for p in forked.iterdir()} == {p.name for p in plain.iterdir()}


def test_a_child_that_computes_on_two_threads_does_not_hang(tmp_path, server, trial):
    run = trial(
        "trainer.threads=2",
        "data.limit=null",
        "data.batch_size=512",
        "model.encoder.hidden=[512,512]",
    )
    study = FakeStudy(tmp_path / "sweep", [run])
    assert work_on_trials(study, "me", server, Slot(None, 1, 2)) == 0
    assert study.told[0][0].kind == "complete"
    assert json.loads((run / "summary.json").read_text())["threads"] == 2


def test_a_trial_keeps_its_threads_whatever_share_of_the_cores_its_worker_has(
    tmp_path, server, trial
):
    """Frozen with two, it goes on with two: to the bit. Only what is left open is shared out."""
    big = ("data.limit=null", "data.batch_size=512", "model.encoder.hidden=[512,512]")
    runs = [trial("trainer.threads=2", "trainer.max_epochs=2", *big) for _ in range(2)]
    runs.append(trial("trainer.max_epochs=1", *big))
    for run, share in zip(runs, (2, 1, 1), strict=True):
        study = FakeStudy(tmp_path / f"sweep-{run.name}", [run])
        assert work_on_trials(study, "me", server, Slot(None, 1, share)) == 0
    used = [json.loads((run / "summary.json").read_text())["threads"] for run in runs]
    assert used == [2, 2, 1]
    first, second = (weights(run)["state_dict"] for run in runs[:2])
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_trial_of_before_cannot_change_the_random_numbers_of_the_next(tmp_path, server, trial):
    """Each child is a fork of the same server; the tests' own process is not."""
    runs = [trial("trainer.max_epochs=1"), trial("trainer.max_epochs=1")]
    assert work_on_trials(FakeStudy(tmp_path / "sweep", runs), "me", server, Slot(None, 1, 1)) == 0
    first, second = (weights(run)["state_dict"] for run in runs)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_server_that_cannot_start_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(VaelError, match="could not start"):
        ForkServer().start(Command((), {}, tmp_path / "log"))
