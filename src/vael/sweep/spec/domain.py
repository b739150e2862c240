"""Domains of a parameter: some values, or the numbers of an interval."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

Value = str | int | float | bool


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
        chosen = trial.suggest_categorical(name, self.values)
        assert chosen is not None
        return chosen

    def text(self, value: Value) -> str:
        """Format a value as Hydra reads it."""
        return next(
            text
            for own, text in zip(self.values, self.texts, strict=True)
            if own == value and isinstance(own, bool) == isinstance(value, bool)
        )

    def holds(self, value: object) -> bool:
        """Tell whether a value is one of these; true is not 1."""
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
        """Return every value, or None where there are infinitely many."""
        if self.integer:
            return tuple(range(int(self.low), int(self.high) + 1, int(self.step or 1)))
        if self.step is None:
            return None
        low, step = Decimal(repr(self.low)), Decimal(repr(self.step))
        count = round((Decimal(repr(self.high)) - low) / step)
        return tuple(float(low + i * step) for i in range(count + 1))

    def suggest(self, trial: "BaseTrial", name: str) -> Value:
        """Suggest one value."""
        if self.integer:
            return trial.suggest_int(
                name, int(self.low), int(self.high), step=int(self.step or 1), log=self.log
            )
        return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)

    def text(self, value: Value) -> str:
        """Format every digit of a value."""
        return repr(value)

    def holds(self, value: object) -> bool:
        """Tell whether a value lies inside, and on a step."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.integer and value != int(value):
            return False
        step = 1 if self.integer and self.step is None else self.step
        on_step = step is None or abs((value - self.low) / step % 1 - 0.5) > 0.5 - 1e-9
        return self.low <= value <= self.high and on_step
