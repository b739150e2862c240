"""What vael sweep does with what Ray tells of its tasks; Ray itself is played."""

from types import SimpleNamespace

import pytest
from helpers.studies import finish_all, make_study

from vael.sweep.engines.ray_cluster import Share
from vael.sweep.engines.ray_tasks import RESTARTS, RayTasks


class RayError(Exception):
    pass


class WorkerCrashedError(RayError):
    pass


class RayTaskError(RayError):
    pass


class TaskCancelledError(RayError):
    pass


class PlayedRay:
    """Ends the first task of each look as its worker's script says; without one it runs on."""

    exceptions = SimpleNamespace(
        RayError=RayError, RayTaskError=RayTaskError, TaskCancelledError=TaskCancelledError
    )

    def __init__(self, scripts):
        self.scripts = {worker: list(script) for worker, script in scripts.items()}
        self.started, self.cancelled = [], set()

    def remote(self, function):
        def options(**given):
            assert given["max_retries"] == 0
            worker = int(given["name"].rpartition("-")[2])

            def start(*arguments):
                self.started.append(worker)
                return len(self.started) - 1

            return SimpleNamespace(remote=start)

        return SimpleNamespace(options=options)

    def wait(self, tasks, timeout):
        ends = [t for t in tasks if t in self.cancelled or self.scripts.get(self.started[t])]
        assert ends, "it would wait for ever"
        return ends[:1], [t for t in tasks if t != ends[0]]

    def get(self, task):
        if task in self.cancelled:
            raise TaskCancelledError
        told = self.scripts[self.started[task]].pop(0)
        if isinstance(told, Exception):
            raise told
        return told

    def cancel(self, task, force):
        self.cancelled.add(task)


class Said(list):
    """A display that remembers."""

    note = list.append

    def update(self, workers, rows):
        pass

    def close(self):
        pass


@pytest.fixture
def play(tmp_path):
    """Runs the workers of these scripts; its exit code, Ray, and what was said."""

    def run(scripts, study=None, workers=2):
        ray, said = PlayedRay(scripts), Said()
        tasks = RayTasks(ray, study or make_study(tmp_path), Share(1, 0, {}), said)
        return tasks.run(workers), ray, said

    return run


def test_a_worker_that_has_seen_the_end_ends_all(play):
    """Others that Ray has found no room for yet would wait for ever."""
    code, ray, said = play({0: [(0, "report x")]})
    assert (code, said, ray.cancelled) == (0, [], {1})


def test_a_lost_worker_is_started_again(play):
    code, ray, said = play({1: [WorkerCrashedError(), (0, None)]})
    assert code == 0
    assert ray.started == [0, 1, 1]
    assert said == ["worker 1 was lost (WorkerCrashedError): started again"]


def test_a_worker_that_is_always_lost_ends_the_sweep(play):
    code, ray, said = play({1: [WorkerCrashedError() for _ in range(RESTARTS + 1)]})
    assert code == 1
    assert ray.started.count(1) == RESTARTS + 1
    assert "was lost (WorkerCrashedError) 6 times while no trial ended" in said[-1]
    assert 0 in ray.cancelled


def test_restarts_are_counted_anew_when_a_trial_has_ended(play, tmp_path):
    study = make_study(tmp_path, trials=1)

    script = [*(WorkerCrashedError() for _ in range(2 * RESTARTS)), (0, None)]
    ray, said = PlayedRay({0: script}), Said()
    told, get = [], ray.get

    def ending(task):
        told.append(task)
        if len(told) == RESTARTS:
            finish_all(study)
        return get(task)

    ray.get = ending
    assert RayTasks(ray, study, Share(1, 0, {}), said).run(1) == 0
    assert ray.started == [0] * (2 * RESTARTS + 1)


@pytest.mark.parametrize(
    ("told", "code", "says"),
    [
        ((5, "the disk is full"), 5, "worker 0: the disk is full"),
        ((2, None), 2, "worker 0: ended with exit code 2"),
        (RayTaskError("Traceback ...\nFileNotFoundError: /shared"), 1, "FileNotFoundError"),
    ],
)
def test_a_worker_that_cannot_go_on_ends_the_sweep_with_its_code(play, told, code, says):
    found, ray, said = play({0: [told]})
    assert found == code
    assert says in said[0]
    assert ray.cancelled == {1}
