"""Comparability: which numbers may be compared, and why others may not."""

from collections.abc import Mapping
from typing import Any

from vael.errors import VaelError

FACTS: dict[str, tuple[str, str]] = {
    "split": ("split", "they score other examples"),
    "k": (
        "number of importance samples k",
        "a bound from more samples is tighter, more so for a large beta: evaluate both with the "
        "same --samples",
    ),
    "levels": ("levels per dimension", "the discrete data is another one"),
    "binarize": ("binarisation", "the data is another one"),
    "D": ("dimensions D", "bits per dimension are divided by it"),
    "condition": (
        "condition",
        "a number given c is not one without it, nor one given something else",
    ),
    "digest": ("digest of the data", "the examples, their split or their preprocessing differ"),
    "score": ("score", "the two are different quantities"),
    "family": (
        "likelihood family",
        "data without levels has densities only, which a sharper family makes arbitrarily large: "
        "rank within one family",
    ),
}
"""Name -> what it is called, and why it must agree; the clearest reason first."""


UNKNOWN = {"condition": "none"}
"""What a fact is where it is not said: only a conditional model says its condition."""


class NotComparableError(VaelError):
    """Two numbers that must not be compared; says why."""


def collect_facts(
    *,
    split: str,
    k: int,
    score: str,
    digest: str,
    binarize: str,
    levels: int | None = None,
    num_dims: int | None = None,
    family: str | None = None,
    condition: str | None = None,
) -> dict[str, Any]:
    """Collect what must agree before two numbers may be compared; the unknown is left out.

    Args:
        split: ``train | val | test``.
        k: importance samples behind the number.
        score: ``bpd``, or ``nll`` (``elbo``) for data without levels.
        digest: of the data with its splits and options.
        binarize: mode of the data.
        levels: values per dimension.
        num_dims: D.
        family: of the likelihood: counts for data without levels only.
        condition: what a conditional model is told (`vael.config.condition_options`).
    """
    known = {
        "split": split,
        "k": k,
        "levels": levels,
        "binarize": binarize,
        "D": num_dims,
        "digest": digest,
        "score": score,
        "family": None if score == "bpd" else family,
        "condition": condition,
    }
    return {name: value for name, value in known.items() if value is not None}


def word_condition(condition: object) -> list[str]:
    """Return the line that says what the numbers of a conditional model are; empty for others."""
    if not condition:
        return []
    return [f"given {condition}: these are numbers of p(x|c), and those of p(x) are others"]


def check_comparable(
    a: Mapping[str, Any], b: Mapping[str, Any], names: tuple[str, str] = ("one", "the other")
) -> None:
    """Refuse two sets of facts whose numbers must not be compared.

    A fact that only one of them knows is no reason; the digest covers levels, D and binarisation.
    A model that says no condition has none.

    Raises:
        NotComparableError: one line with the first reason.
    """
    a, b = {**UNKNOWN, **a}, {**UNKNOWN, **b}
    for fact, (called, reason) in FACTS.items():
        if fact in a and fact in b and a[fact] != b[fact]:
            raise NotComparableError(
                f"these numbers must not be compared: {called} is {a[fact]} for {names[0]} and "
                f"{b[fact]} for {names[1]}; {reason}."
            )
