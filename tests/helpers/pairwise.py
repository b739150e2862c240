"""Covering arrays: few rows in which every two choices meet."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations, product

Row = dict[str, str]
Pair = frozenset[tuple[str, str]]


def pairs_of(row: Mapping[str, str]) -> set[Pair]:
    """Every two choices of a row."""
    return {frozenset(pair) for pair in combinations(row.items(), 2)}


def rows_of(factors: Mapping[str, Sequence[str]], forbidden: Collection[Pair]) -> Iterator[Row]:
    """Every combination that holds no forbidden pair."""
    for values in product(*factors.values()):
        row = dict(zip(factors, values, strict=True))
        if not pairs_of(row) & set(forbidden):
            yield row


def cover_pairs(
    factors: Mapping[str, Sequence[str]], forbidden: Collection[Pair], apart: Collection[str] = ()
) -> list[Row]:
    """Rows without a forbidden pair that hold every other pair, greedily few.

    Each row begins with a pair that is not covered yet, and takes for each further factor the
    choice that covers the most. Two factors that are ``apart`` meet as chance has it.
    """
    missing = {
        frozenset(((a, x), (b, y))): None
        for a, b in combinations(factors, 2)
        for x, y in product(factors[a], factors[b])
        if {a, b} != set(apart)
    }
    for pair in forbidden:
        missing.pop(pair, None)
    rows = []
    while missing:
        row = _fill(dict(sorted(next(iter(missing)))), factors, missing, set(forbidden))
        for pair in pairs_of(row):
            missing.pop(pair, None)
        rows.append(row)
    return rows


def _fill(
    start: Row,
    factors: Mapping[str, Sequence[str]],
    missing: Mapping[Pair, None],
    forbidden: set[Pair],
) -> Row:
    rest = [name for name in factors if name not in start]
    if not rest:
        return start
    name, tried = rest[0], []
    for value in factors[name]:
        new = {frozenset(((name, value), held)) for held in start.items()}
        if not new & forbidden:
            tried.append((-len(new & missing.keys()), value))
    for _, value in sorted(tried, key=lambda choice: choice[0]):
        row = _fill({**start, name: value}, factors, missing, forbidden)
        if len(row) == len(factors):
            return row
    return {}
