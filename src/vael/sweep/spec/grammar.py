"""Grammar of a space in a sweep's file: Hydra's sweep grammar, made conditional."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser, create_functions
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    Quote,
    QuotedString,
    RangeSweep,
    Sweep,
)
from hydra.errors import HydraException

from vael.errors import ConfigError
from vael.sweep.spec.domain import Choice, Interval, Value
from vael.sweep.spec.space import Condition, Parameter, Space, point_key

EXACT = 2**53  # up to which floats are exact


def parse_space(space: Mapping[str, str], when: Mapping[str, Mapping[str, str]]) -> Space:
    """Parse a sweep's ``space`` and ``when``.

    Raises:
        ConfigError: what is no sweep, an empty one, or a condition that never holds.
    """
    found = [Parameter(path, _domain(path, text)) for path, text in space.items()]
    waiting = [(_condition(key), block) for key, block in when.items()]
    while waiting:
        known = {p.path: p.domain for p in reversed(found)}
        ready = [item for item in waiting if item[0].path in known]
        if not ready:
            raise ConfigError(
                f"when: {waiting[0][0]} never holds: {waiting[0][0].path} is not in the space."
            )
        for condition, block in ready:
            _check_condition(condition, known[condition.path])
            for path, text in block.items():
                found.append(Parameter(path, _domain(path, text), condition))
        waiting = [item for item in waiting if item not in ready]
    _check_repeated(found)
    return Space(tuple(found))


def _check_repeated(found: list[Parameter]) -> None:
    first: dict[str, Parameter] = {}
    for p in found:
        other = first.setdefault(p.path, p)
        if other is p:
            continue
        one, two = other.when, p.when
        if one is None or two is None or one.path != two.path or one.value == two.value:
            raise ConfigError(f"space: {p.path} is there twice for one trial.")
        if other.domain != p.domain:
            raise ConfigError(
                f"when: {p.path} must be the same under {one} and {two}: the sampler "
                "learns from both."
            )


def _check_condition(condition: Condition, domain: Choice | Interval) -> None:
    if not isinstance(domain, Choice):
        raise ConfigError(f"when: {condition}: {condition.path} must be a choice(...).")
    if not domain.holds(condition.value):
        raise ConfigError(
            f"when: {condition} never holds: {condition.path} is one of {', '.join(domain.texts)}."
        )


def _condition(key: str) -> Condition:
    override = _parse(key, f"when: {key}")
    value = override.value()
    if override.is_sweep_override() or isinstance(value, list | dict):
        raise ConfigError(f"when: {key} must be one path=choice.")
    return Condition(override.get_key_element(), _plain(value))


def _domain(path: str, text: str) -> Choice | Interval:
    where = f"space: {path}"
    override = _parse(f"{path}={text}", where)
    value = override.value()
    if isinstance(value, Glob):
        raise ConfigError(f"{where}: globs are not searched; write choice(a, b, ...).")
    if not isinstance(value, Sweep):
        raise ConfigError(f"{where}: {text} is a single value: put {path}={text} under overrides.")
    if getattr(value, "shuffle", False):
        raise ConfigError(
            f"{where}: shuffle(...) has no meaning here: the sampler has its own order."
        )
    unknown = sorted(value.tags - {"log"})
    if unknown:
        raise ConfigError(f"{where}: tag {unknown[0]} is not known; there is log.")
    if "log" in value.tags and not isinstance(value, IntervalSweep):
        raise ConfigError(f"{where}: tag(log, ...) is for intervals.")
    if isinstance(value, ChoiceSweep):
        return _choice(where, override, value)
    if isinstance(value, RangeSweep):
        return _range(where, value)
    assert isinstance(value, IntervalSweep), value
    low, high = value.start, value.end
    assert low is not None
    assert high is not None
    interval = Interval(low, high, None, "log" in value.tags, isinstance(low, int))
    if not interval.low < interval.high:
        raise ConfigError(f"{where}: {text} is empty: the lower end must be below the upper one.")
    if not math.isfinite(interval.high - interval.low):
        raise ConfigError(f"{where}: {text} must have finite ends.")
    _check_exact(where, interval)
    if interval.log and interval.low <= 0:
        raise ConfigError(
            f"{where}: tag(log, ...) needs a lower end above 0, but got {interval.low}."
        )
    return interval


def _choice(where: str, override: Override, sweep: ChoiceSweep) -> Choice:
    items = list(sweep.list)
    if any(isinstance(item, Sweep) for item in items):
        raise ConfigError(f"{where}: a choice is of values, not of choices or intervals.")
    texts = tuple(format_value(item) for item in items)
    values = tuple(
        text if isinstance(item, list | dict) else _plain(item)
        for item, text in zip(items, texts, strict=True)
    )
    if len(items) < 2:
        raise ConfigError(
            f"{where}: a choice needs two values or more; put "
            f"{override.get_key_element()}={texts[0]} under overrides."
        )
    if len(set(texts)) < len(texts):
        raise ConfigError(f"{where}: a choice is there twice: {', '.join(texts)}.")
    keys = {point_key({"": value}) for value in values}
    if len(set(values)) < len(values) or len(keys) < len(values):  # 1 is true to the sampler, too
        raise ConfigError(f"{where}: choices must differ as numbers, but got {', '.join(texts)}.")
    if any(value != value for value in values):
        raise ConfigError(f"{where}: nan is no choice: it is not equal to itself.")
    return Choice(values, texts)


def _range(where: str, sweep: RangeSweep) -> Interval:
    assert sweep.start is not None
    assert sweep.stop is not None
    integer = all(isinstance(v, int) for v in (sweep.start, sweep.stop, sweep.step))
    low, stop, step = (Decimal(repr(v)) for v in (sweep.start, sweep.stop, sweep.step))
    if not all(v.is_finite() for v in (low, stop, step)):
        raise ConfigError(f"{where}: range({low}, {stop}, {step}) must have finite ends.")
    count = math.ceil((stop - low) / step) if step else 0
    if count < 2:
        raise ConfigError(
            f"{where}: range({low}, {stop}, {step}) holds fewer than two values "
            "(its end is excluded)."
        )
    low, high = sorted((low, low + (count - 1) * step))
    found = Interval(float(low), float(high), float(abs(step)), False, integer)
    _check_exact(where, found)
    return found


def _check_exact(where: str, domain: Interval) -> None:
    if domain.integer and max(abs(domain.low), abs(domain.high)) > EXACT:
        raise ConfigError(
            f"{where}: whole numbers must be within +-2^53, which floats tell apart."
        )


def format_value(item: Any) -> str:
    """Format a value as Hydra's command line has it: ``[64,32]``, ``'1'`` where it is a text."""
    return Override._get_value_element_as_str(_with_quotes(item))


def _with_quotes(item: Any) -> Any:
    """Quote the texts that would be read as something else without quotes."""
    if isinstance(item, list):
        return [_with_quotes(one) for one in item]
    if isinstance(item, dict):
        return {key: _with_quotes(one) for key, one in item.items()}
    if not isinstance(item, str):
        return item
    try:
        override = OverridesParser.create().parse_override(
            f"p={Override._get_value_element_as_str(item)}"
        )
        plain = not override.is_sweep_override() and override.value() == item
    except HydraException:
        plain = False
    return item if plain else QuotedString(item, Quote.single)


def _plain(item: Any) -> Value:
    text = getattr(item, "text", None)
    if text is not None:
        return str(text)
    assert item is None or isinstance(item, str | int | float | bool), item
    return item


def _parser() -> OverridesParser:
    """Make Hydra's parser, whose ``choice(...)`` has null as a value, too, as ``a,b`` has."""
    functions = create_functions()
    hydras = functions.functions["choice"]

    def choice(*args: Any) -> ChoiceSweep:
        found: ChoiceSweep = hydras(*args)
        return found

    del functions.definitions["choice"]
    functions.register("choice", choice)
    return OverridesParser(functions)


def _parse(text: str, where: str) -> Override:
    try:
        return _parser().parse_override(text)
    except HydraException as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{where} is not in Hydra's sweep grammar: {reason}") from error
