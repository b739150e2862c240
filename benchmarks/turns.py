"""Contenders that stay in memory and train an epoch when it is their turn."""

import json
import os
import select
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TURN_SECONDS = 0.6  # of training that a turn aims at
MOST_EPOCHS = 12


@dataclass
class OnDemand:
    """A process that trains epochs on demand, see ``contenders/_common.py``.

    Attributes:
        name: of the contender.
        rates: examples per second of each turn, the median of its epochs.
        reason: why it takes no part, if it does not.
        ready_seconds: from its start until it waited for its first order.
    """

    name: str
    command: Sequence[str]
    cwd: Path
    environment: Mapping[str, str]
    examples: int
    rates: list[float] = field(default_factory=list)
    reason: str | None = None
    ready_seconds: float | None = None

    def start(self, log: Path) -> None:
        """Starts it; what it says goes to a file."""
        self._log, self._began = log, time.perf_counter()
        there, self._orders = os.pipe()
        self._answers, back = os.pipe()
        with log.open("w") as said:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.cwd,
                env={**self.environment, "TURNS": f"{there},{back}"},
                pass_fds=(there, back),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        os.close(there)
        os.close(back)
        self._text = b""

    def _answer(self, until: float) -> float | None:
        """The next answer; where none comes the contender is out."""
        while b"\n" not in self._text:
            left = max(0.0, until - time.perf_counter())
            if not select.select([self._answers], [], [], left)[0]:
                self._out(f"gave no answer in {until - self._began:.0f} s")
                return None
            part = os.read(self._answers, 4096)
            if not part:
                self._process.wait()
                lines = self._log.read_text(errors="replace").strip().splitlines()
                self._out(lines[-1] if lines else f"ended with code {self._process.returncode}")
                return None
            self._text += part
        line, self._text = self._text.split(b"\n", 1)
        found: float | None = json.loads(line)
        return found

    def _out(self, reason: str) -> None:
        self.reason = reason
        self._process.kill()
        self._process.wait()

    def wait_ready(self, seconds: float) -> None:
        """Waits until it waits, at most so long after its start, and orders an epoch."""
        self._answer(self._began + seconds)
        if self.reason is None:
            self.ready_seconds = time.perf_counter() - self._began
            os.write(self._orders, b"\n")

    def warm(self) -> None:
        """Waits for that epoch, which others trained beside: how many make a turn."""
        rate = self._answer(time.perf_counter() + 60) if self.reason is None else None
        if rate is not None:
            self._epochs = max(1, min(MOST_EPOCHS, round(TURN_SECONDS * rate / self.examples)))

    def _epoch(self) -> float | None:
        if self.reason is not None:
            return None
        os.write(self._orders, b"\n")
        return self._answer(time.perf_counter() + 60)

    def turn(self) -> None:
        """Trains some epochs and notes their median rate."""
        found = [self._epoch() for _ in range(self._epochs)] if self.reason is None else []
        rates = [rate for rate in found if rate is not None]
        if rates and self.reason is None:
            self.rates.append(statistics.median(rates))

    def end(self) -> None:
        """Kills it."""
        self._process.kill()
        self._process.wait()
        os.close(self._orders)
        os.close(self._answers)
