"""Who dies with whom on one machine: workers and trials are forks of one server."""

import json
import os
import signal
import time

import pytest
from helpers.fake_study import TRIAL
from helpers.runs import ROOT
from helpers.studies import make_study

from vael.distributed.processes import start_time
from vael.errors import VaelError
from vael.sweep.study import lease
from vael.sweep.study.records import Slot
from vael.sweep.workers.command import Command, worker_command
from vael.sweep.workers.forks import KILLED, ForkServer


@pytest.fixture
def own_server(monkeypatch):
    """A server that may be killed."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests"))
    server = ForkServer()
    yield server
    server.close()


def two(server, tmp_path):
    """Two workers of one server, each with a trial that trains; by number: (worker, trial)."""
    helpers = [
        f"+callbacks.extra.wait={{_target_: helpers.callbacks.Wait, file: {tmp_path}/step, "
        "seconds: 0.1}",
        "+callbacks.extra.confess={_target_: helpers.callbacks.Confess}",
    ]
    study = make_study(
        tmp_path,
        trials=2,
        overrides=[*TRIAL[:-4], "trainer.max_epochs=500", *helpers],
        space={"model.latent_dim": "int(interval(2, 16))"},
        when={},
    )
    (study.folder / "workers").mkdir()
    handles = [
        server.start(worker_command(study.folder, name, Slot(None, 1, 1), tmp_path / name))
        for name in "ab"
    ]
    runs = [study.folder / "trials" / f"{n:04d}" for n in range(2)]
    end = time.monotonic() + 100
    while not all((run / "rank_0.json").exists() for run in runs):
        assert time.monotonic() < end, [(tmp_path / name).read_text() for name in "ab"]
        time.sleep(0.02)
    pids = [
        (lease.find_holder(run).pid, json.loads((run / "rank_0.json").read_text())["pid"])
        for run in runs
    ]
    if pids[0][0] != handles[0]._pid:
        handles.reverse()
    return handles, pids


def lives(pid):
    return bool(start_time(pid))


def gone(*pids):
    end = time.monotonic() + 10
    while any(map(lives, pids)) and time.monotonic() < end:
        time.sleep(0.01)
    return not any(map(lives, pids))


def test_with_a_worker_dies_its_trial_before_it_is_told_and_nobody_else(server, tmp_path):
    handles, pids = two(server, tmp_path)
    os.kill(pids[0][0], signal.SIGKILL)
    while (code := handles[0].wait(1)) is None:
        pass
    assert code == KILLED
    assert not lives(pids[0][1])
    assert lives(pids[1][0])
    assert lives(pids[1][1])
    assert handles[1].wait(0.5) is None
    handles[1].kill()
    assert not lives(pids[1][1])


def test_with_the_server_die_all_and_a_new_one_starts_again(own_server, tmp_path):
    server = own_server
    handles, pids = two(server, tmp_path)
    server._server.kill()
    assert gone(*pids[0], *pids[1])
    assert [handle.wait(1) for handle in handles] == [KILLED, KILLED]
    with pytest.raises(VaelError, match="is gone"):
        server._forks.start(Command(("sweep", "--help"), dict(os.environ), tmp_path / "help"))
    server._server.poll = lambda: None  # its line is closed a little before it counts as ended
    handle = server.start(Command(("sweep", "--help"), dict(os.environ), tmp_path / "help"))
    assert handle.wait(60) == 0
    assert "Usage" in (tmp_path / "help").read_text()


def test_a_signal_to_a_worker_is_for_it_alone(server, tmp_path):
    """It gives its trial back, saved; the other worker goes on."""
    handles, pids = two(server, tmp_path)
    handles[0].signal(signal.SIGTERM)
    while (code := handles[0].wait(1)) is None:
        pass
    assert code == 143
    assert not lives(pids[0][1])
    assert lives(pids[1][1])
    handles[1].kill()
