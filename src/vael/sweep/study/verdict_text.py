"""Verdicts in words."""

import math
from itertools import count

from vael.metrics.catalog import describe_metric
from vael.sweep.study.paired import PairedDifference, student_quantile
from vael.sweep.study.verdict import Contender, Verdict


def verdict_lines(verdict: Verdict) -> list[str]:
    """Say how the best compares with each other choice, a sentence each; then those together."""
    best, *others = verdict.contenders
    lines = [
        _sentence(verdict, best, other, verdict.differences[0, i])
        for i, other in enumerate(others, 1)
    ]
    return [*lines, *_between(verdict), *(f"{reason}." for reason in verdict.left_out)]


def _between(verdict: Verdict) -> list[str]:
    """Say in one line how the others compare with each other."""
    unit = describe_metric(f"test/{verdict.score}").unit
    names = [c.choice for c in verdict.contenders]
    told = []
    for (i, j), d in verdict.differences.items():
        if i:
            word = "better than" if d.found else "not told from"
            told.append(f"{names[i]} {word} {names[j]} ({difference_text(d)} {unit})")
    return [f"between the others: {', '.join(told)}"] if told else []


def _sentence(verdict: Verdict, best: Contender, other: Contender, d: PairedDifference) -> str:
    metric = describe_metric(f"test/{verdict.score}")
    size = f"{difference_text(d)} {metric.unit}".rstrip()
    found_of = f"best found of {best.trials} and {other.trials} trials"
    digits = _digits(d)
    parts = f"seeds {d.of_seeds:.{digits}f}, examples {d.of_examples:.{digits}f}"
    pairs = len(verdict.differences)
    level = "95 %" if pairs == 1 else f"95 % for all {pairs} pairs at once"
    facts = f"({level}; {d.seeds} seeds x {d.examples:,} examples; {parts}; {found_of})"
    if not d.found:
        return (
            f"no difference between {best.choice} and {other.choice} was found: {size} {facts}; "
            f"{remedy_text(d)}"
        )
    if verdict.score == "bpd":
        return f"{best.choice} needs {size} less than {other.choice} {facts}"
    more = "less" if verdict.lower else "more"
    return f"{best.choice} has {size} {more} {metric.title} than {other.choice} {facts}"


def difference_text(d: PairedDifference, sign: str = "+-") -> str:
    """Format ``mean +- half width``, with two digits of the latter."""
    digits = _digits(d)
    return f"{d.mean:.{digits}f} {sign} {d.half_width:.{digits}f}"


def remedy_text(d: PairedDifference) -> str:
    """Say what would tell the two apart: more test data, or how many seeds."""
    digits = _digits(d)
    if d.of_examples >= d.of_seeds:
        least = math.sqrt(d.example_variance) * student_quantile(d.level, d.examples - 1)
        return (
            f"{d.examples:,} examples alone cannot tell less than {least:.{digits}f}: more test "
            "data would"
        )
    seeds = next(
        n
        for n in count(d.seeds + 1)
        if d.with_seeds(n).of_seeds <= max(d.of_examples, d.of_seeds / 2)
    )
    return f"{seeds} seeds would tell {d.with_seeds(seeds).half_width:.{digits}f}"


def _digits(d: PairedDifference) -> int:
    """Return the decimals that show two digits of the half width."""
    if not d.half_width > 0:
        return 4
    return max(0, 1 - math.floor(math.log10(d.half_width)))
