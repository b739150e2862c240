"""What one worker pays for a trial, beside its training: processor time and wall time."""

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from growing.storages import Stored, stored
from growing.study import EPOCHS, Others, make_study
from vael.files import write_json
from vael.sweep.study import lease
from vael.sweep.study.records import Claim, Outcome
from vael.sweep.study.study import Study

Row = dict[str, Any]
PARTS = ("open", "first read", "first claim", "read", "claim", "look", "report", "finish")


class Clock:
    """Milliseconds of each part: this processor's, the server's, and by the wall."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._spent: dict[str, list[tuple[float, float, float]]] = {part: [] for part in PARTS}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Note what is done inside."""
        server, cpu, wall = self._stored.server_ms(), time.process_time(), time.perf_counter()
        yield
        spent = 1e3 * (time.process_time() - cpu), 1e3 * (time.perf_counter() - wall)
        self._spent[name].append((spent[0], self._stored.server_ms() - server, spent[1]))

    def summary(self) -> Row:
        """Medians of each part."""
        found: Row = {}
        for name, parts in self._spent.items():
            cpu, server, wall = zip(*parts, strict=True)
            found[name] = {
                "cpu_ms": statistics.median(cpu),
                "server_ms": statistics.median(server),
                "wall_ms": statistics.median(wall),
            }
        return found


def measure(kind: str, counts: list[int], workers: int, cycles: int) -> Iterator[Row]:
    """Measure one storage at each count, with two and with many running trials.

    Before each of its claims all other workers have ended a trial and begun another: what they
    did is read before the lock is taken. ``look`` is a claim that looks at the leases of all
    running trials, too, as one worker of many does for all, every tenth of a lease.
    """
    with tempfile.TemporaryDirectory() as parent, stored(kind, Path(parent)) as place:
        study = make_study(Path(parent), place.url, 100 * max(counts))
        others = Others(study)
        for count in counts:
            for running in (2, workers) if count >= 3 * workers else (2,):
                others.fill(count, running)
                clock = Clock(place)
                with clock.part("open"):
                    worker = Study.open(study.folder)
                _cycle(worker, clock, "first read", "first claim")
                turn = study.folder / lease.TURN
                for part in ["claim"] * (cycles if running == 2 else cycles // 3) + ["look"]:
                    others.work(running)
                    turn.touch()
                    if part == "look":
                        turn.unlink()
                    _cycle(worker, clock, claim=part)
                row: Row = {"storage": kind, "trials": count, "running": running}
                row |= clock.summary()
                row["study_mib"] = place.size(study.folder) / 2**20
                row["csv_mib"] = (study.folder / "trials.csv").stat().st_size / 2**20
                print(json.dumps(row), flush=True)
                yield row


def _cycle(study: Study, clock: Clock, read: str = "read", claim: str = "claim") -> None:
    """Claim, report and finish one trial."""
    with _timed(study, "_one_at_a_time", clock, claim), _timed(study, "_catch_up", clock, read):
        got = study.claim("w")
    assert isinstance(got, Claim)
    assert got.kind == "trial"
    for step in range(1, EPOCHS + 1):
        with clock.part("report"):
            study.report(got, step, 3.0 + 1 / step)
    metrics = {"val/bpd": 2.5 + 1 / (2 + got.number), "val/elbo": -1.0, "val/rate": 1.0}
    summary = {"status": "finished", "metrics": metrics, "epochs": EPOCHS, "seconds": 1.5}
    write_json(got.folder / "summary.json", summary)
    with clock.part("finish"):
        study.finish(got, Outcome("complete"))


@contextmanager
def _timed(study: Study, name: str, clock: Clock, part: str) -> Iterator[None]:
    """Note what one of its methods takes."""
    own: Callable[..., Any] = getattr(study, name)

    def noted(*given: Any) -> Any:
        with clock.part(part):
            return own(*given)

    setattr(study, name, noted)
    yield
    delattr(study, name)
