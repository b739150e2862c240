"""Who was silent for longer than its lease, and wakes up: the folder is another's by then."""

import json
import os
import time

import pytest
from helpers.runs import contents
from sqlalchemy.exc import OperationalError

from vael.distributed import ownership
from vael.distributed.signals import StopRequest
from vael.errors import ConfigError
from vael.runs.folder import RunFolder
from vael.sweep.study import lease, storage
from vael.sweep.study.lease import Heartbeat
from vael.sweep.study.records import Claim
from vael.sweep.study.storage import StorageAway
from vael.sweep.workers.attempt import Attempt
from vael.sweep.workers.status import StatusFile
from vael.training.fit import train

SECRET = "s3cret-word"


class Hopeless:
    """A study whose pruner stops everything; a trial that goes on."""

    target = "val/bpd"

    def report(self, claim, step, value):
        return True

    def wait(self, seconds):
        return None

    def signal(self, number):
        pass


def attempt(folder, minutes):
    lease.take_lease(folder, "sleeper", 1)
    claim = Claim("trial", 0, folder, 1)
    status = StatusFile(folder / "sweep", "sleeper")
    found = Attempt(Hopeless(), claim, StopRequest(), status, minutes)
    status.write_begin(claim, 9)
    return found


@pytest.mark.parametrize("taken", [False, True])
@pytest.mark.parametrize("why", ["pruned", "out of time"])
def test_who_has_lost_the_lease_does_not_stop_the_trial_of_who_has_it(tmp_path, taken, why):
    sleeper = attempt(tmp_path, 1e-9 if why == "out of time" else None)
    if why == "pruned":
        (tmp_path / "metrics.csv").write_text("step,epoch,val/bpd\n9,0,3.0\n")
    if taken:
        lease.take_lease(tmp_path, "another", 2)
    time.sleep(0.01)
    sleeper._look(Hopeless())
    assert (RunFolder(tmp_path).stop).exists() == (not taken)


@pytest.mark.parametrize("taken", [False, True])
def test_a_lease_that_was_lost_before_the_trial_began_is_noticed_at_once(tmp_path, taken):
    lease.take_lease(tmp_path, "me", 1)
    if taken:
        lease.take_lease(tmp_path, "another", 2)
    heartbeat = Heartbeat(Claim("trial", 0, tmp_path, 1), every=60.0)
    heartbeat.start()
    end = time.monotonic() + (30 if taken else 1)
    while not heartbeat.lost and time.monotonic() < end:
        time.sleep(0.01)
    heartbeat.stop()
    assert heartbeat.lost == taken


@pytest.mark.parametrize(
    "said",
    [
        'FATAL:  password authentication failed for user "me"',
        "fe_sendauth: no password supplied",
        'FATAL:  database "studies" does not exist',
        'FATAL:  no pg_hba.conf entry for host "::1"',
    ],
)
def test_a_server_that_refuses_us_is_not_waited_for(said):
    url = f"postgresql+psycopg://me:{SECRET}@localhost/studies"
    calls = []

    def operation():
        calls.append(1)
        refused = OperationalError("connect", {}, Exception(said))
        raise ConfigError(f"cannot be used: {storage.error_text(refused, url)}") from refused

    with pytest.raises(ConfigError, match="cannot be used") as told:
        storage.retry_while_unavailable(operation, 1.0, url)
    assert len(calls) == 1
    assert SECRET not in str(told.value)


@pytest.mark.parametrize(
    "said",
    [
        "FATAL:  the database system is starting up",
        f"connection refused for me:{SECRET}@localhost",
    ],
)
def test_a_server_that_starts_up_is_waited_for_and_its_password_is_not_told(said):
    url = f"postgresql+psycopg://me:{SECRET}@localhost/studies"
    calls = []

    def operation():
        calls.append(1)
        raise OperationalError("connect", {}, Exception(said))

    with pytest.raises(StorageAway) as told:
        storage.retry_while_unavailable(operation, 0.7, url)
    assert len(calls) > 1
    assert SECRET not in str(told.value)


def test_a_holder_on_this_machine_is_not_given_up_for_a_sleep_that_all_have_slept(tmp_path):
    """After a laptop's night each lease is hours old, and its holder is about to touch it."""
    lease.take_lease(tmp_path, "me", 1)
    path = tmp_path / lease.NAME
    hours_ago = time.time() - 9 * 3600
    os.utime(path, (hours_ago, hours_ago))
    watch = lease.Watch()
    assert not lease.is_stale(tmp_path, 0.5, watch, time.time())
    lease.renew_lease(tmp_path, 1)
    assert not lease.is_stale(tmp_path, 0.5, watch, time.time())
    time.sleep(0.6)
    assert lease.is_stale(tmp_path, 0.5, watch, time.time()), "silent all the while we looked"
    elsewhere = json.loads(path.read_text()) | {"machine": "boot of another"}
    path.write_text(json.dumps(elsewhere))
    os.utime(path, (hours_ago, hours_ago))
    assert lease.is_stale(tmp_path, 0.5, watch, time.time()), "our sleep says nothing of others"


@pytest.mark.parametrize("now", ["1", "2", "free"])
@pytest.mark.parametrize("step", [0, 1, 3])
def test_a_trial_writes_nothing_once_its_folder_is_not_its_own(
    tmp_path, trial, monkeypatch, now, step
):
    """Stolen while it trains its first step, the last one of an epoch, one in its midst."""
    file = tmp_path / "contents.json"
    thief = f"{{_target_: helpers.callbacks.Stolen, step: {step}, now: '{now}', file: {file}}}"
    folder = trial("trainer.max_epochs=3", thief=thief)
    lease.take_lease(folder, "me", 1)
    monkeypatch.setenv(ownership.ATTEMPT, "1")
    if now == "1":  # still its own
        train(folder)
        assert json.loads((folder / "summary.json").read_text())["status"] == "finished"
        return
    with pytest.raises(ownership.Evicted, match="taken over by another attempt"):
        train(folder)
    assert contents(folder) == json.loads(file.read_text())


def test_a_trial_that_nobody_has_leased_is_its_users_own(tmp_path, monkeypatch):
    monkeypatch.delenv(ownership.ATTEMPT, raising=False)
    assert ownership.is_owned(tmp_path)
    lease.take_lease(tmp_path, "somebody", 7)
    assert ownership.is_owned(tmp_path)
