"""Floor 10: what a sweep may try: Hydra's sweep grammar, made conditional."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Any, Protocol

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    RangeSweep,
    Sweep,
)
from hydra.errors import HydraException

from vael.errors import ConfigError

Value = str | int | float | bool


class Chooser(Protocol):
    """What of an ``optuna.Trial`` is used."""

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """One of the choices."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int:
        """Of low, low + step, ..., high."""

    def suggest_float(self, name: str, low: float, high: float, *, step: float | None, log: bool
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
        return next(text for own, text in zip(self.values, self.texts, strict=True)
                    if own == value and isinstance(own, bool) == isinstance(value, bool))

    def holds(self, value: object) -> bool:
        """Whether it is one of them; true is not 1."""
        return any(value == v and isinstance(value, bool) == isinstance(v, bool)
                   for v in self.values)


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
            return trial.suggest_int(name, int(self.low), int(self.high),
                                     step=int(self.step or 1), log=self.log)
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


@dataclass(frozen=True)
class Condition:
    """That a choice of the space was made so."""

    path: str
    value: Value

    def __str__(self) -> str:
        return f"{self.path}={self.value}"


@dataclass(frozen=True)
class Parameter:
    """A path of the config, what it may be, and when it is a parameter at all."""

    path: str
    domain: Choice | Interval
    when: Condition | None = None

    def active(self, chosen: Mapping[str, Value]) -> bool:
        """Whether a trial with these choices has it."""
        return self.when is None or (
            self.when.path in chosen and chosen[self.when.path] == self.when.value
        )

    def override(self, value: Value) -> str:
        """For Hydra."""
        return f"{self.path}={self.domain.text(value)}"


@dataclass(frozen=True)
class Space:
    """All parameters, a condition always after what it asks for."""

    parameters: tuple[Parameter, ...]

    def suggest(self, trial: Chooser) -> dict[str, Value]:
        """What a trial is to try; a conditional path is in it only where it applies."""
        chosen: dict[str, Value] = {}
        for parameter in self.parameters:
            if parameter.active(chosen):
                chosen[parameter.path] = parameter.domain.suggest(trial, parameter.path)
        return chosen

    def overrides(self, chosen: Mapping[str, Value]) -> list[str]:
        """The same for Hydra."""
        return [p.override(chosen[p.path]) for p in self.parameters
                if p.path in chosen and p.active(chosen)]

    def grid(self) -> list[dict[str, Value]]:
        """Every point there is, each once.

        Raises:
            ConfigError: a part of the space is continuous.
        """
        for p in self.parameters:
            if p.domain.points() is None:
                raise ConfigError(f"space: {p.path} is an interval, which has no grid: use "
                                  "choice(...) or range(...), or another sampler.")
        return list(self._points({}, self.parameters))

    def _points(self, chosen: dict[str, Value], rest: tuple[Parameter, ...]
                ) -> Iterator[dict[str, Value]]:
        if not rest:
            yield chosen
        elif rest[0].active(chosen):
            for value in rest[0].domain.points() or ():
                yield from self._points({**chosen, rest[0].path: value}, rest[1:])
        else:
            yield from self._points(chosen, rest[1:])

    def choices(self) -> set[str]:
        """The paths with a choice."""
        return {p.path for p in self.parameters if isinstance(p.domain, Choice)}

    def corners(self) -> list[dict[str, Value]]:
        """Points that show every combination of choices which others depend on, and every choice.

        Intervals are at their low end: whether a path exists does not depend on where in it.
        """
        deciding = {p.when.path for p in self.parameters if p.when is not None}
        found: dict[tuple[tuple[str, Value], ...], dict[str, Value]] = {}
        for p in self.parameters:
            low: list[list[Value]] = []
            for other in self.parameters:
                points = other.domain.points() if isinstance(other.domain, Choice) else None
                every = other == p or other.path in deciding
                low.append(list(points if every else points[:1]) if points else [_low(other)])
            for values in product(*low):
                chosen: dict[str, Value] = {}
                for parameter, value in zip(self.parameters, values, strict=True):
                    if parameter.active(chosen):
                        chosen[parameter.path] = value
                found[tuple(chosen.items())] = chosen
        return list(found.values())


def _low(parameter: Parameter) -> Value:
    domain = parameter.domain
    if isinstance(domain, Choice):
        return domain.values[0]
    return int(domain.low) if domain.integer else float(domain.low)


def parse_space(space: Mapping[str, str], when: Mapping[str, Mapping[str, str]]) -> Space:
    """The space of a sweep's ``space`` and ``when``.

    Raises:
        ConfigError: what is no sweep, an empty one, or a condition that never holds.
    """
    found = [Parameter(path, _domain(path, text)) for path, text in space.items()]
    waiting = [(_condition(key), block) for key, block in when.items()]
    while waiting:
        known = {p.path for p in found}
        ready = [item for item in waiting if item[0].path in known]
        if not ready:
            raise ConfigError(f"when: {waiting[0][0]} never holds: {waiting[0][0].path} is not in "
                              "the space.")
        for condition, block in ready:
            value = _chosen(condition, found)
            for path, text in block.items():
                found.append(Parameter(path, _domain(path, text),
                                       Condition(condition.path, value)))
        waiting = [item for item in waiting if item not in ready]
    _check_repeated(found)
    return Space(tuple(found))


def _check_repeated(found: list[Parameter]) -> None:
    first: dict[str, Parameter] = {}
    for p in found:
        other = first.setdefault(p.path, p)
        if other is p:
            continue
        if other.when is None or p.when is None or other.when.path != p.when.path or (
            other.when.value == p.when.value
        ):
            raise ConfigError(f"space: {p.path} is there twice for one trial.")
        if other.domain != p.domain:
            raise ConfigError(
                f"when: {p.path} must be the same under {other.when} and {p.when}: the sampler "
                "learns from both."
            )


def _chosen(condition: Condition, found: list[Parameter]) -> Value:
    for p in found:
        if p.path == condition.path:
            if not isinstance(p.domain, Choice):
                raise ConfigError(f"when: {condition}: {p.path} must be a choice(...).")
            if p.domain.holds(condition.value):
                return condition.value
            raise ConfigError(f"when: {condition} never holds: {p.path} is one of "
                              f"{', '.join(p.domain.texts)}.")
    raise AssertionError(condition)


def _condition(key: str) -> Condition:
    override = _parse(key, f"when: {key}")
    value = override.value()
    if override.is_sweep_override() or not isinstance(value, str | int | float | bool):
        raise ConfigError(f"when: {key} must be one path=choice.")
    return Condition(override.get_key_element(), _plain(value))


def _domain(path: str, text: str) -> Choice | Interval:
    where = f"space: {path}"
    override = _parse(f"{path}={text}", where)
    value = override.value()
    if isinstance(value, Glob):
        raise ConfigError(f"{where}: globs are not searched; write choice(a, b, ...).")
    if not isinstance(value, Sweep):
        raise ConfigError(f"{where}: {text} is a single value: put {path}={text} under "
                          "overrides.")
    if getattr(value, "shuffle", False):
        raise ConfigError(f"{where}: shuffle(...) has no meaning here: the sampler has its own "
                          "order.")
    unknown = sorted(value.tags - {"log"})
    if unknown:
        raise ConfigError(f"{where}: tag {unknown[0]} is not known; there is log.")
    if isinstance(value, ChoiceSweep):
        return _choice(where, override, value)
    if isinstance(value, RangeSweep):
        return _range(where, value)
    assert isinstance(value, IntervalSweep), value
    assert value.start is not None
    assert value.end is not None
    interval = Interval(value.start, value.end, None, "log" in value.tags,
                        isinstance(value.start, int))
    if not interval.low < interval.high:
        raise ConfigError(f"{where}: {text} is empty: the lower end must be below the upper one.")
    if not math.isfinite(interval.high - interval.low):
        raise ConfigError(f"{where}: {text} must have finite ends.")
    if interval.log and interval.low <= 0:
        raise ConfigError(f"{where}: tag(log, ...) needs a lower end above 0, but got "
                          f"{interval.low}.")
    return interval


def _choice(where: str, override: Override, sweep: ChoiceSweep) -> Choice:
    if "log" in sweep.tags:
        raise ConfigError(f"{where}: tag(log, ...) is for intervals.")
    items = list(sweep.list)
    texts = tuple(as_written(item) for item in items)
    values = tuple(text if isinstance(item, list | dict) else _plain(item)
                   for item, text in zip(items, texts, strict=True))
    if len(items) < 2:
        raise ConfigError(f"{where}: a choice needs two values or more; put "
                          f"{override.get_key_element()}={texts[0]} under overrides.")
    if len(set(texts)) < len(texts):
        raise ConfigError(f"{where}: a choice is there twice: {', '.join(texts)}.")
    return Choice(values, texts)


def _range(where: str, sweep: RangeSweep) -> Interval:
    if "log" in sweep.tags:
        raise ConfigError(f"{where}: tag(log, ...) is for intervals.")
    assert sweep.start is not None
    assert sweep.stop is not None
    integer = all(isinstance(v, int) for v in (sweep.start, sweep.stop, sweep.step))
    low, stop, step = (Decimal(repr(v)) for v in (sweep.start, sweep.stop, sweep.step))
    if not all(v.is_finite() for v in (low, stop, step)):
        raise ConfigError(f"{where}: range({low}, {stop}, {step}) must have finite ends.")
    count = math.ceil((stop - low) / step) if step > 0 else 0
    if count < 2:
        raise ConfigError(f"{where}: range({low}, {stop}, {step}) holds fewer than two values "
                          "(its end is excluded).")
    high = low + (count - 1) * step
    return Interval(float(low), float(high), float(step), False, integer)


def as_written(item: Any) -> str:
    """A value as Hydra's command line has it: ``[64,32]``."""
    return Override._get_value_element_as_str(item)


def _plain(item: Any) -> Value:
    text = getattr(item, "text", None)
    if text is not None:
        return str(text)
    assert isinstance(item, str | int | float | bool), item
    return item


def _parse(text: str, where: str) -> Override:
    try:
        return OverridesParser.create().parse_override(text)
    except HydraException as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{where} is not in Hydra's sweep grammar: {reason}") from error
