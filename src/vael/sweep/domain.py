"""Floor 10: what a parameter of a sweep may be: some values, or the numbers of an interval."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

Value = str | int | float | bool


class Chooser(Protocol):
    """What of an ``optuna.Trial`` is used."""

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """One of the choices."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int:
        """Of low, low + step, ..., high."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None, log: bool
    ) -> float:
        """In [low, high]."""


@dataclass(frozen=True)
class Choice:
    """Some values, each with its text on Hydra's command line."""

    values: tuple[Value, ...]
    texts: tuple[str, ...]

    def points(self) -> tuple[Value, ...]:
        """All of them."""
        return self.values

    def suggest(self, trial: Chooser, name: str) -> Value:
        """One of them."""
        chosen: Value = trial.suggest_categorical(name, self.values)
        return chosen

    def text(self, value: Value) -> str:
        """As Hydra reads it."""
        return next(
            text
            for own, text in zip(self.values, self.texts, strict=True)
            if own == value and isinstance(own, bool) == isinstance(value, bool)
        )

    def holds(self, value: object) -> bool:
        """Whether it is one of them; true is not 1."""
        return any(
            value == v and isinstance(value, bool) == isinstance(v, bool) for v in self.values
        )


@dataclass(frozen=True)
class Interval:
    """The numbers of [low, high], in steps where there is a step."""

    low: float
    high: float
    step: float | None
    log: bool
    integer: bool

    def points(self) -> tuple[Value, ...] | None:
        """All of them, or None where there are infinitely many."""
        if self.integer:
            return tuple(range(int(self.low), int(self.high) + 1, int(self.step or 1)))
        if self.step is None:
            return None
        low, step = Decimal(repr(self.low)), Decimal(repr(self.step))
        count = round((Decimal(repr(self.high)) - low) / step)
        return tuple(float(low + i * step) for i in range(count + 1))

    def suggest(self, trial: Chooser, name: str) -> Value:
        """One of them."""
        if self.integer:
            return trial.suggest_int(
                name, int(self.low), int(self.high), step=int(self.step or 1), log=self.log
            )
        return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)

    def text(self, value: Value) -> str:
        """Every digit of it."""
        return repr(value)

    def holds(self, value: object) -> bool:
        """Whether it lies inside, and on a step."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.integer and value != int(value):
            return False
        step = 1 if self.integer and self.step is None else self.step
        on_step = step is None or abs((value - self.low) / step % 1 - 0.5) > 0.5 - 1e-9
        return self.low <= value <= self.high and on_step
