"""kill -9 at random places: a run that is continued ends as if it had never been stopped."""

import json
import random
import time

import pytest
from faults.killers import WRITES, draw, overrides
from faults.runs import KILLED, STATEFUL, log, start_two
from helpers.identical import assert_as_if_never_stopped, read, rows, weights
from helpers.runs import QUICK, ROOT, make_run

from vael.files import UNFINISHED

ATTEMPTS = 14

pytestmark = pytest.mark.xdist_group("faults")  # they share the runs that are never stopped


def assert_whole(folder):
    """What a killed process leaves is old or new, never half."""
    for path in folder.glob("checkpoints/*.ckpt"):
        assert weights(folder, path.stem)["global_step"] > 0
    for path in folder.glob("summary.json"):
        read(folder, path.name)
    if (folder / "metrics.csv").exists():
        assert_once(folder)


def assert_once(folder):
    """metrics.csv has one row a step, in order."""
    steps = [int(row["step"]) for row in rows(folder)]
    assert steps == sorted(set(steps))


def unfinished(folder):
    return [path for path in folder.rglob("*") if UNFINISHED.fullmatch(path.name)]


def until_it_ends(start, folder):
    """Starts it again and again; how often it was killed."""
    for killed in range(ATTEMPTS):
        code = start(folder)
        if code == 0:
            assert unfinished(folder) == []
            assert_once(folder)
            return killed
        assert code == KILLED, log(folder)
        assert_whole(folder)
    raise AssertionError("it does not come to an end")


def die(seed, alone, whole, tmp_path):
    """What has killed it, how often, and whether all is the same afterwards."""
    deaths = draw(random.Random(seed), tmp_path)
    folder = make_run(tmp_path, *QUICK, *STATEFUL, *overrides(deaths))
    killed = until_it_ends(alone, folder)
    assert killed == len(list(tmp_path.glob("killed_*")))
    assert_as_if_never_stopped(whole, folder)
    return {"seed": seed, "kills": killed, "at": [what for what, _ in deaths]}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_killed_at_random_places_it_ends_as_if_never_stopped(seed, alone, whole, tmp_path):
    die(seed, alone, whole, tmp_path)


def die_of_two(seed, whole_of_two, tmp_path):
    deaths = draw(random.Random(seed), tmp_path, ranks=2)
    folder = make_run(tmp_path, *QUICK, *STATEFUL, "trainer.devices=2", *overrides(deaths))
    killed = until_it_ends(start_two, folder)
    assert_as_if_never_stopped(whole_of_two, folder)
    return {"seed": seed, "kills": killed, "at": [what for what, _ in deaths]}


@pytest.mark.slow
def test_every_file_is_whole_at_a_kill_in_its_middle_and_before_its_rename(alone, whole, tmp_path):
    """The report is written once more at most, when the callbacks are not there any more."""
    deaths = [
        (
            "",
            f"{{_target_: faults.killers.KillInWrite, mark: {tmp_path}/killed_{n}_{end}, "
            f"file: {file}, count: 1, whole: {end}}}",
        )
        for n, file in enumerate(WRITES)
        for end in ("false", "true")
    ]
    folder = make_run(tmp_path, *QUICK, *STATEFUL, *overrides(deaths))
    assert until_it_ends(alone, folder) == 2 * len(WRITES) - 1
    assert "<html" in (folder / "report.html").read_text()
    assert_as_if_never_stopped(whole, folder)


ASKED = {  # what a signal comes in, and whether the run stops or is as good as over
    "SIGTERM-checkpoint": ("SIGTERM", "checkpoints/last.ckpt", 143),
    "SIGINT-metrics": ("SIGINT", "metrics.csv", 130),
    "SIGUSR1-best": ("SIGUSR1", "checkpoints/best.ckpt", 143),
    "SIGUSR1-report": ("SIGUSR1", "report.html", 0),
    "SIGINT-report": ("SIGINT", "report.html", 0),
    "SIGTERM-pictures": ("SIGTERM", "images/samples.png", 0),
    "SIGINT-validation": ("SIGINT", "validation", 130),
    "SIGUSR1-validation": ("SIGUSR1", "validation", 143),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", ASKED)
def test_asked_to_stop_while_it_writes_it_stops_afterwards(case, alone, whole, tmp_path):
    number, place, code = ASKED[case]
    kind = (
        "helpers.callbacks.KillOnce, where: validation, step: 10, file: "
        if place == "validation"
        else f"faults.killers.KillInWrite, whole: true, file: {place}, mark: "
    )
    folder = make_run(
        tmp_path,
        *QUICK,
        *STATEFUL,
        overrides([("", f"{{_target_: {kind}{tmp_path}/mark, number: {number}}}")])[0],
    )
    assert alone(folder) == code, log(folder)
    assert (tmp_path / "mark").exists()
    assert read(folder)["status"] == ("interrupted" if code else "finished")
    assert alone(folder) == 0, log(folder)
    assert_as_if_never_stopped(whole, folder)


@pytest.mark.slow
def test_of_two_processes_one_is_killed(whole_of_two, tmp_path):
    assert die_of_two(0, whole_of_two, tmp_path)["kills"] > 0


def at_a_random_time(seed, forks, alone, whole, tmp_path):
    """Killed from outside, 3 times, whatever it does just then."""
    generator = random.Random(seed)
    folder = make_run(tmp_path, *QUICK, *STATEFUL)
    began = time.monotonic()
    alone(make_run(tmp_path / "timed", *QUICK, *STATEFUL))
    lasts = time.monotonic() - began
    killed = 0
    for _ in range(3):
        handle = forks(folder)
        if handle.wait(generator.uniform(0.0, lasts)) is None:
            handle.kill()
            killed += 1
            assert_whole(folder)
    assert until_it_ends(alone, folder) == 0
    assert_as_if_never_stopped(whole, folder)
    return {"seed": seed, "kills": killed, "at": ["random times"] * 3}


@pytest.mark.long
def test_twenty_seeds_of_each(forks, alone, whole, whole_of_two, tmp_path):
    """The result is kept in results/kill.json."""

    def place(kind, seed):
        (folder := tmp_path / f"{kind}_{seed}").mkdir()
        return folder

    found = {
        "1 process, at places": [
            die(seed, alone, whole, place("place", seed)) for seed in range(20)
        ],
        "1 process, at times": [
            at_a_random_time(seed, forks, alone, whole, place("time", seed)) for seed in range(20)
        ],
        "2 processes, at places": [
            die_of_two(seed, whole_of_two, place("two", seed)) for seed in range(20)
        ],
    }
    kept = {
        kind: {
            "runs": len(runs),
            "kills": sum(run["kills"] for run in runs),
            "identical": len(runs),
            "seeds": runs,
        }
        for kind, runs in found.items()
    }
    (ROOT / "results" / "kill.json").write_text(json.dumps(kept, indent=1) + "\n")
