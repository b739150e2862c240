"""Which family each column of a table has, for a likelihood of several."""

from collections.abc import Mapping, Sequence

import numpy as np

from vael.data.observed import iterate_index
from vael.data.source import Array, Decoded
from vael.errors import ConfigError
from vael.text import did_you_mean

STANDARDISED = ("gaussian", "student_t")
RAW = ("bernoulli", "categorical", "poisson", "negative_binomial")  # in the units of the data
FAMILIES = (*STANDARDISED, *RAW)
NUMBERS = (*STANDARDISED, "poisson", "negative_binomial")
WHERE = "likelihood.columns"
SHOWN = 8

Families = tuple[tuple[str, str], ...]
"""Of each column its family and its variable: a category has one for all of its columns."""


def find_families(data: Decoded, asked: object) -> Families:
    """Return the family of each column: what was asked for, and by its values for the others.

    By its values: columns ``a=x, a=y, ...`` of 0 and 1 that sum to 1, as ``data.categorical``
    makes them, are one categorical variable ``a``; 0 and 1 alone are bernoulli; all other numbers
    gaussian.

    Args:
        data: a table.
        asked: ``auto``, a family for all columns, or a mapping from a family to the names of its
            columns.

    Raises:
        ConfigError: an unknown family or column, a column in two groups, or values that its
            family cannot have.
    """
    all_of = check_table(data, asked)
    names = list(data.columns or map(str, range(data.train.x.shape[1])))
    chosen = {} if all_of else _read(asked)
    variables = [name.partition("=")[0] if "=" in name else name for name in names]
    for name in chosen:
        if name not in names and name not in variables:
            raise ConfigError(
                f"{WHERE} names the column {name}, which is not there. "
                f"{did_you_mean(name, [*dict.fromkeys(variables)])}"
            )
    seen = _look(data, variables)
    found: list[tuple[str, str]] = []
    for at, (name, variable) in enumerate(zip(names, variables, strict=True)):
        family = chosen.get(name, chosen.get(variable) if variable in chosen else None)
        family = all_of or family or _guess(seen, at)
        _check(seen, at, name, family, bool(all_of))
        found.append((family, variable if family == "categorical" else name))
    return tuple(found)


def check_table(data: Decoded, asked: object) -> str:
    """Refuse data that has no columns, or means in them; return the family of all, if asked for.

    Raises:
        ConfigError: naming the likelihood.
    """
    all_of = asked if isinstance(asked, str) and asked in FAMILIES else ""
    who = f"likelihood={all_of or 'mixed'}"
    if data.train.x.ndim != 2:
        what = "is for counts in every column" if all_of else "has a family for each column"
        kind = "series" if data.train.x.ndim == 3 else "images"
        raise ConfigError(
            f"{who} {what} of a table, but this data is of {kind}: use likelihood=gaussian."
        )
    if data.missing in ("mean", "median"):
        raise ConfigError(
            f"{who} cannot have data.missing={data.missing}: a mean is no category and no count; "
            "set data.missing=mask."
        )
    return all_of


def describe_families(families: Families) -> str:
    """Say in a line which columns have which family."""
    kinds: dict[str, list[str]] = {}
    for family, variable in families:
        kinds.setdefault(family, []).append(variable)
    parts = []
    for family, each in kinds.items():
        variables = list(dict.fromkeys(each))
        more = f", ... ({len(variables)})" if len(variables) > SHOWN else ""
        parts.append(f"{family} {', '.join(variables[:SHOWN])}{more}")
    return f"likelihood by column: {'; '.join(parts)}"


def _read(asked: object) -> dict[str, str]:
    """Return the family of each name that was given."""
    if asked in (None, "auto"):
        return {}
    if not isinstance(asked, Mapping):
        raise ConfigError(
            f"{WHERE} must be auto, a family for all columns, or families with their columns, "
            f"such as {{gaussian: [a], categorical: [b]}}, but got {asked!r}."
        )
    chosen: dict[str, str] = {}
    for family, given in asked.items():
        if family not in FAMILIES:
            raise ConfigError(
                f"{WHERE} has no family {family}: it must be one of {', '.join(FAMILIES)}."
            )
        if not isinstance(given, Sequence) or isinstance(given, str):
            raise ConfigError(f"{WHERE}.{family} must be a list of columns, but got {given!r}.")
        for name in map(str, given):
            if name in chosen:
                raise ConfigError(
                    f"{WHERE}: a column has one family, but {name} is in {chosen[name]} and "
                    f"{family}."
                )
            chosen[name] = str(family)
    return chosen


class _Seen:
    """What the values of each column are, over all examples."""

    def __init__(self, columns: int) -> None:
        self.least = np.full(columns, np.inf)
        self.most = np.full(columns, -np.inf)
        self.whole = np.ones(columns, bool)
        self.first_odd: Array = np.zeros(columns)
        self.sums_to_one = np.ones(columns, bool)


def _look(data: Decoded, variables: Sequence[str]) -> _Seen:
    seen = _Seen(len(variables))
    groups = {v: [at for at, each in enumerate(variables) if each == v] for v in variables}
    for part in data.parts.values():
        for block in iterate_index(part, np.arange(len(part))):
            x = part.x[block].astype(np.float64)
            seen.least = np.fmin(seen.least, np.fmin.reduce(x, 0))
            seen.most = np.fmax(seen.most, np.fmax.reduce(x, 0))
            odd = np.isfinite(x) & (x != np.floor(x))
            for at in np.flatnonzero(odd.any(0) & seen.whole):
                seen.first_odd[at] = x[odd[:, at].argmax(), at]
            seen.whole &= ~odd.any(0)
            for places in groups.values():
                total = x[:, places].sum(1)
                seen.sums_to_one[places] &= bool((np.isnan(total) | (total == 1)).all())
    return seen


def _guess(seen: _Seen, at: int) -> str:
    binary = seen.whole[at] and seen.least[at] >= 0 and seen.most[at] <= 1
    if not binary:
        return "gaussian"
    alone = seen.least[at] == seen.most[at] == 1  # a column that is always 1 is no category
    return "categorical" if seen.sums_to_one[at] and not alone else "bernoulli"


def _check(seen: _Seen, at: int, name: str, family: str, alone: bool) -> None:
    """Refuse values that a family cannot have."""
    whole, least, most = seen.whole[at], seen.least[at], seen.most[at]
    if family in STANDARDISED:
        return
    wanted = "whole numbers >= 0"
    if family in ("bernoulli", "categorical"):
        wanted = "0 and 1" if family == "bernoulli" else "categories (name it in data.categorical)"
        bad = not whole or least < 0 or most > 1
        bad |= family == "categorical" and not seen.sums_to_one[at]
    else:
        bad = not whole or least < 0
    if bad:
        got = f"{seen.first_odd[at]:g}" if not whole else f"{least:g} to {most:g}"
        if alone:
            raise ConfigError(
                f"likelihood={family} needs {wanted} in every column, but column {name} holds "
                f"{got}: use likelihood=mixed, which has a family for each."
            )
        raise ConfigError(
            f"{WHERE}.{family} needs {wanted} in column {name}, but it holds {got}: put it into "
            "another group, such as gaussian."
        )
