"""Space of a sweep: parameters, some of which depend on what was chosen before."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from vael.errors import ConfigError
from vael.sweep.spec.domain import Choice, Interval, Value

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


@dataclass(frozen=True)
class Condition:
    """Condition of a parameter: a choice of the space has this value."""

    path: str
    value: Value

    def __str__(self) -> str:
        return f"{self.path}={self.value}"


@dataclass(frozen=True)
class Parameter:
    """Path of the config with its domain, and the condition under which a trial has it."""

    path: str
    domain: Choice | Interval
    when: Condition | None = None

    def active(self, chosen: Mapping[str, Value]) -> bool:
        """Tell whether a trial with these choices has the parameter."""
        return self.when is None or (
            self.when.path in chosen and chosen[self.when.path] == self.when.value
        )


def point_key(chosen: Mapping[str, Value]) -> frozenset[str]:
    """Return what two points share exactly if they are the same configuration.

    Floats count by 12 digits: what a storage or a file has rounded is still the same.
    """
    return frozenset(f"{path}={_identity(value)}" for path, value in chosen.items())


def _identity(value: Value) -> str:
    return f"{value:.12g}" if isinstance(value, float) else repr(value)


@dataclass(frozen=True)
class Space:
    """Parameters of a sweep, each after the one that its condition names."""

    parameters: tuple[Parameter, ...]

    def suggest(self, trial: "BaseTrial") -> dict[str, Value]:
        """Suggest a point for a trial; a conditional path is in it only where it applies."""
        chosen: dict[str, Value] = {}
        for parameter in self.parameters:
            if parameter.active(chosen):
                chosen[parameter.path] = parameter.domain.suggest(trial, parameter.path)
        return chosen

    def overrides(self, chosen: Mapping[str, Value]) -> list[str]:
        """Return the overrides of a point for Hydra."""
        return [
            f"{p.path}={p.domain.text(chosen[p.path])}"
            for p in self.parameters
            if p.path in chosen and p.active(chosen)
        ]

    def holds(self, chosen: Mapping[str, object]) -> bool:
        """Tell whether this is a whole point: all that applies to it, and nothing else."""
        found: dict[str, Value] = {}
        for p in self.parameters:
            if p.active(found):
                value = chosen.get(p.path)
                if p.path not in chosen or not p.domain.holds(value):
                    return False
                found[p.path] = value  # type: ignore[assignment]
        return len(found) == len(chosen)

    def grid(self) -> list[dict[str, Value]]:
        """Return every point there is, each once.

        Raises:
            ConfigError: a part of the space is continuous.
        """
        for p in self.parameters:
            if p.domain.points() is None:
                raise ConfigError(
                    f"space: {p.path} is an interval, which has no grid: use "
                    "choice(...) or range(...), or another sampler."
                )
        return list(self._points({}, self.parameters))

    def _points(
        self, chosen: dict[str, Value], rest: tuple[Parameter, ...]
    ) -> Iterator[dict[str, Value]]:
        if not rest:
            yield chosen
        elif rest[0].active(chosen):
            for value in rest[0].domain.points() or ():
                yield from self._points({**chosen, rest[0].path: value}, rest[1:])
        else:
            yield from self._points(chosen, rest[1:])

    def size(self) -> int | None:
        """Count the points, those of a condition only where it holds; None: infinitely many."""
        deciding = {p.when.path for p in self.parameters if p.when is not None}
        total = 0
        for chosen in self._points({}, tuple(p for p in self.parameters if p.path in deciding)):
            counts = [
                p.domain.count()
                for p in self.parameters
                if p.path not in deciding and p.active(chosen)
            ]
            if None in counts:
                return None
            total += prod(count for count in counts if count is not None)
        return total

    def choices(self) -> set[str]:
        """Return the paths with a choice."""
        return {p.path for p in self.parameters if isinstance(p.domain, Choice)}

    def corners(self) -> list[dict[str, Value]]:
        """Return points with every combination of choices that others depend on, and every choice.

        Intervals are at their low end: whether a path exists does not depend on where in it.
        """
        deciding = {p.when.path for p in self.parameters if p.when is not None}
        found: dict[tuple[tuple[str, Value], ...], dict[str, Value]] = {}
        for p in self.parameters:
            ends = []
            for other in self.parameters:
                every = other == p or other.path in deciding
                ends.append(_ends(other.domain)[: None if every else 1])
            for values in product(*ends):
                chosen: dict[str, Value] = {}
                for parameter, value in zip(self.parameters, values, strict=True):
                    if parameter.active(chosen):
                        chosen[parameter.path] = value
                found[tuple(chosen.items())] = chosen
        return list(found.values())


def _ends(domain: Choice | Interval) -> tuple[Value, ...]:
    if isinstance(domain, Choice):
        return domain.values
    return (int(domain.low) if domain.integer else float(domain.low),)
