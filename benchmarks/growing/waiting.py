"""The waits of many workers, each on a machine of its own, by a clock that is simulated.

A worker reads, claims, trains, reports and finishes. What its own processor does takes its own
time; it waits where something is shared:

- the lock of the sweep, in which one claims or finishes at a time;
- the storage: the processor time of a server of one core, or of a file the whole of a report, a
  claim or a finish (reading a file shuts nobody out).

What disks and networks add comes on top: ``latency`` seconds each time that the lock is held.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LOOK_SECONDS = 6.0  # between two looks at all leases
Row = dict[str, Any]


@dataclass(frozen=True)
class Price:
    """Seconds of one operation: of the worker's own processor, and of the storage."""

    own: float
    shared: float


Prices = Callable[[str, int], Price]
"""Price of an operation when so many trials have ended."""


def make_prices(rows: list[Row]) -> Prices:
    """Make prices out of what was measured, linear between the numbers of trials."""
    known = sorted(rows, key=lambda row: row["trials"])

    def price(name: str, done: int) -> Price:
        below = next((r for r in reversed(known) if r["trials"] <= done), known[0])
        above = next((r for r in known if r["trials"] >= done), known[-1])
        width = above["trials"] - below["trials"]
        part = (done - below["trials"]) / width if width else 0.0
        cpu, server = (
            (below[name][key] + part * (above[name][key] - below[name][key])) / 1e3
            for key in ("cpu_ms", "server_ms")
        )
        if known[0]["storage"] == "postgres":
            return Price(cpu, server)
        return Price(cpu, 0.0) if name == "read" else Price(0.0, cpu)

    return price


class Queue:
    """A simulation of workers on one study.

    Args:
        prices: of ``read``, ``claim``, ``look``, ``report`` and ``finish``.
        workers: how many.
        trials: of all of them together.
        minutes: that a trial trains in the mean, between half and one and a half times as long.
        reports: of each trial.
        latency: seconds each time that the lock is held, beside processor time.
    """

    def __init__(
        self,
        prices: Prices,
        workers: int,
        trials: int,
        reports: int,
        minutes: float = 10,
        latency: float = 0.0,
    ) -> None:
        self._prices, self._workers, self._trials = prices, workers, trials
        self._reports, self._minutes, self._latency = reports, minutes, latency
        self._draw = random.Random(0)
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = 0
        self._locked, self._waiting = False, deque[tuple[float, Callable[[float], None]]]()
        self._free = 0.0  # the storage
        self._begun = self._ended = 0
        self._held = self._used = self._waited = self._own = 0.0
        self._first = 0.0  # waits of the first wave
        self._looked = 0.0  # when somebody last looked at all leases

    def run(self) -> Row:
        """Run to the end, and return shares of the workers' time."""
        for _ in range(self._workers):
            self._at(0.0, lambda now: self._ask(now, True))
        now = 0.0
        while self._events:
            now, _, step = heapq.heappop(self._events)
            step(now)
        total = now * self._workers
        return {
            "workers": self._workers,
            "trials": self._trials,
            "reports": self._reports,
            "latency_s": self._latency,
            "waiting_share": self._waited / total,
            "own_share": self._own / total,
            "lock_busy": self._held / now,
            "storage_busy": self._used / now,
            "first_wave_mean_s": self._first / self._workers,
        }

    def _at(self, time: float, step: Callable[[float], None]) -> None:
        self._order += 1
        heapq.heappush(self._events, (time, self._order, step))

    def _store(
        self, now: float, name: str, then: Callable[[float], None], first: bool = False
    ) -> None:
        """Have something done by the storage, and go on when it and the own processor have."""
        price = self._prices(name, self._ended)
        start = max(now, self._free)
        self._free = start + price.shared
        self._used += price.shared
        self._own += price.own + price.shared
        self._wait(start - now, first)
        self._at(self._free + price.own, then)

    def _wait(self, seconds: float, first: bool) -> None:
        if first:
            self._first += seconds
        else:
            self._waited += seconds

    def _lock(self, now: float, name: str, then: Callable[[float], None], first: bool) -> None:
        """Do something under the lock."""

        def begin(start: float) -> None:
            self._wait(start - now, first)
            what = name
            if name == "claim" and start - self._looked >= LOOK_SECONDS:
                what, self._looked = "look", start
            self._store(start, what, lambda end: self._at(end + self._latency, release), first)

            def release(end: float) -> None:
                self._held += end - start
                then(end)
                if self._waiting:
                    self._at(end, self._waiting.popleft()[1])
                else:
                    self._locked = False

        if self._locked:
            self._waiting.append((now, begin))
        else:
            self._locked = True
            begin(now)

    def _ask(self, now: float, first: bool) -> None:
        if self._begun < self._trials:
            self._begun += 1
            self._store(
                now, "read", lambda end: self._lock(end, "claim", self._train, first), first
            )

    def _train(self, now: float) -> None:
        length = 60 * self._minutes * self._draw.uniform(0.5, 1.5)
        for i in range(1, self._reports + 1):
            self._at(
                now + i * length / self._reports,
                lambda at: self._store(at, "report", lambda end: None),
            )
        self._at(now + length, lambda end: self._lock(end, "finish", self._end, False))

    def _end(self, now: float) -> None:
        self._ended += 1
        self._ask(now, False)
