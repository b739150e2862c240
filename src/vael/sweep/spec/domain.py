"""Domains of a parameter: some values, or the numbers of an interval."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

Value = str | int | float | bool | None
NUDGE = 0.01  # of an interval without steps: its next value


@dataclass(frozen=True)
class Choice:
    """Some values, each with its text on Hydra's command line."""

    values: tuple[Value, ...]
    texts: tuple[str, ...]

    def points(self) -> tuple[Value, ...]:
        """Return every value."""
        return self.values

    def suggest(self, trial: "BaseTrial", name: str) -> Value:
        """Suggest one value."""
        return trial.suggest_categorical(name, self.values)

    def text(self, value: Value) -> str:
        """Format a value as Hydra reads it."""
        pairs = zip(self.values, self.texts, strict=True)
        return next(text for own, text in pairs if _same(own, value))

    def holds(self, value: object) -> bool:
        """Tell whether a value is one of these; true is not 1."""
        return any(_same(own, value) for own in self.values)

    def count(self) -> int:
        """Count the values."""
        return len(self.values)

    def draw(self, random: Random) -> Value:
        """Draw a value, each with the same probability."""
        return random.choice(self.values)

    def neighbours(self, value: Value) -> Iterator[tuple[Value, float]]:
        """Yield every other value, at distance 1."""
        text = self.text(value)
        for other, own in zip(self.values, self.texts, strict=True):
            if own != text:
                yield other, 1.0

    def distance(self, one: Value, other: Value) -> float:
        """Return 0 between equal values and 1 between others."""
        return float(not _same(one, other))


def _same(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


@dataclass(frozen=True)
class Interval:
    """The numbers of [low, high], in steps where there is a step."""

    low: float
    high: float
    step: float | None
    log: bool
    integer: bool

    def count(self) -> int | None:
        """Count the values; None: there are infinitely many."""
        if self.integer:
            return (int(self.high) - int(self.low)) // int(self.step or 1) + 1
        return None if self.step is None else round((self.high - self.low) / self.step) + 1

    def points(self) -> tuple[Value, ...] | None:
        """Return every value, or None where there are infinitely many."""
        count = self.count()
        return None if count is None else tuple(map(self._nth, range(count)))

    def _nth(self, index: int) -> int | float:
        if self.integer:
            return int(self.low) + index * int(self.step or 1)
        return float(Decimal(repr(self.low)) + index * Decimal(repr(self.step)))

    def suggest(self, trial: "BaseTrial", name: str) -> Value:
        """Suggest one value."""
        if self.integer:
            return trial.suggest_int(
                name, int(self.low), int(self.high), step=int(self.step or 1), log=self.log
            )
        return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)

    def draw(self, random: Random) -> Value:
        """Draw a value, uniformly, or log-uniformly where the interval is logarithmic."""
        count = self.count()
        if count is not None and not self.log:
            return self._nth(random.randrange(count))
        found = self._at(random.random())
        return round(found) if self.integer else found

    def neighbours(self, value: Value) -> Iterator[tuple[Value, float]]:
        """Yield the values one step below and above, each with its distance.

        The distance is a share of the interval, of its logarithm where it is logarithmic. Without
        steps the next value is ``NUDGE`` away.
        """
        assert isinstance(value, int | float)
        here, count = self._place(value), self.count()
        if count is None:
            for there in (here - NUDGE, here + NUDGE):
                if 0 <= there <= 1:
                    yield self._at(there), NUDGE
            return
        index = round((value - self.low) / (self.step or 1))
        for near in (index - 1, index + 1):
            if 0 <= near < count:
                yield self._nth(near), abs(self._place(self._nth(near)) - here)

    def distance(self, one: Value, other: Value) -> float:
        """Return which share of the interval, or of its logarithm, lies between two values."""
        assert isinstance(one, int | float)
        assert isinstance(other, int | float)
        return abs(self._place(one) - self._place(other))

    def _place(self, value: float) -> float:
        """Return how far up the interval a value lies: 0 at its low end, 1 at its high end."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def _at(self, place: float) -> float:
        """Return the number at a place, the inverse of ``_place``."""
        if self.log:
            found = self.low * (self.high / self.low) ** place
        else:
            found = self.low + place * (self.high - self.low)
        return float(min(max(found, self.low), self.high))

    def text(self, value: Value) -> str:
        """Format every digit of a value."""
        assert isinstance(value, int | float)
        return repr(int(value) if self.integer else float(value))  # a sampler's may be numpy's

    def holds(self, value: object) -> bool:
        """Tell whether a value lies inside, and on a step."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.integer and value != int(value):
            return False
        step = 1 if self.integer and self.step is None else self.step
        on_step = step is None or abs((value - self.low) / step % 1 - 0.5) > 0.5 - 1e-9
        return self.low <= value <= self.high and on_step
