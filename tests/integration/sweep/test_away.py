"""Ctrl-C while the storage is away: all is saved within seconds, and nothing counts as lost."""

import os
import signal
import threading
import time
from functools import partial

import pytest
from helpers.fake_study import FakeStudy
from helpers.studies import make_study, states
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import OperationalError, PendingRollbackError

from vael.sweep.study import lease, storage
from vael.sweep.study.records import Outcome, Slot, read_attempts
from vael.sweep.study.storage import StorageAway
from vael.sweep.workers.worker import work_on_trials


class Broken:
    """Stands for the storage of a study, and can be cut off from it."""

    def __init__(self, study):
        self.study, self.away = study, False
        for owner, name in ((study._study, "get_trials"), (study, "_trial")):
            setattr(owner, name, partial(self.ask, getattr(owner, name)))

    def ask(self, real, *given, **options):
        if self.away:
            raise OperationalError("select", {}, Exception("connection refused"))
        return real(*given, **options)


def test_who_is_in_a_hurry_does_not_wait_for_the_storage():
    asked = threading.Event()

    def operation():
        raise OperationalError("select", {}, Exception("connection refused"))

    threading.Timer(0.5, asked.set).start()
    begun = time.monotonic()
    with pytest.raises(StorageAway, match=r"is away: .*connection refused"):
        storage.retry_while_unavailable(operation, 600.0, "sqlite:///x", asked.is_set)
    assert 0.4 < time.monotonic() - begun < 60  # not 600 s


def test_a_connection_that_breaks_between_two_queries_is_waited_for():
    """SQLAlchemy then names the transaction, and optuna the commit: seen with a real server."""
    tries = []

    def operation():
        tries.append(None)
        if len(tries) > 1:
            return 7
        try:
            raise PendingRollbackError("Can't reconnect until invalid transaction is rolled back.")
        except PendingRollbackError as error:
            raise StorageInternalError("An exception is raised during the commit.") from error

    assert storage.retry_while_unavailable(operation, 30.0, "sqlite:///x") == 7
    assert len(tries) == 2


@pytest.mark.parametrize("idle", [False, True], ids=["in a trial", "without work"])
def test_a_signal_while_the_storage_is_away_is_heard_at_once(tmp_path, server, trial, idle):
    wait = f"{{_target_: helpers.callbacks.Wait, file: {tmp_path}/step, seconds: 0.05}}"
    study = make_study(
        tmp_path,
        trials=2,
        pruner="median",
        overrides=[
            "logger=csv",
            "trainer.max_epochs=500",
            "callbacks.early_stopping.patience=null",
            "data.limit=200",
            "data.batch_size=64",
            f"+callbacks.extra.wait={wait}",
        ],
    )
    broken, stopped = Broken(study), []

    def cut_off():
        while not idle and not list(tmp_path.rglob("metrics.csv")):
            time.sleep(0.02)
        broken.away = True
        time.sleep(1)
        stopped.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    broken.away = idle
    thread = threading.Thread(target=cut_off)
    thread.start()
    assert work_on_trials(study, "me", server, Slot(None, 1, 1)) == 130
    thread.join()
    assert time.monotonic() - stopped[0] < 120
    broken.away = False
    if idle:
        assert states(study) == ["WAITING"]
        return
    run = study.folder / "trials" / "0000"
    assert (run / "checkpoints" / "last.ckpt").exists()
    assert lease.find_holder(run) is None
    assert states(study) == ["RUNNING"], "nobody could be told"
    again = study.claim("another")
    assert (again.number, again.attempt, read_attempts(run).lost) == (0, 2, 0)
    study.finish(again, Outcome("stopped"))


def test_a_storage_that_stays_away_ends_a_worker_that_nobody_stops(tmp_path, server, trial):
    def away():
        raise StorageAway("the storage is away")

    study = FakeStudy(tmp_path / "sweep", [trial()], away=away)
    with pytest.raises(StorageAway):
        work_on_trials(study, "me", server, Slot(None, 1, 1))
