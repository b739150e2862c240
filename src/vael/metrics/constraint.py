"""Constraint: a bound on a score or a cost of a run, which the best trial of a sweep must keep."""

import math
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass

from vael.errors import ConfigError
from vael.metrics.catalog import published_scores, run_costs
from vael.text import did_you_mean

PARAMETERS = "parameters"
SIGNS = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}
FORM = re.compile(r"\s*([^\s<>=]+)\s*(<=|>=|<|>)\s*([^\s<>=]+)\s*")


@dataclass(frozen=True)
class Constraint:
    """One bound, such as ``parameters < 1e6``."""

    name: str
    sign: str
    limit: float

    def __str__(self) -> str:
        return f"{self.name} {self.sign} {self.limit:g}"

    @property
    def early(self) -> bool:
        """Whether a run knows before its first step if it keeps the bound."""
        return self.name == PARAMETERS

    def violation(self, value: float) -> float:
        """Return by how much a value breaks the bound; 0 where it keeps it."""
        if SIGNS[self.sign](value, self.limit):
            return 0.0
        return abs(value - self.limit) or math.ulp(1.0)

    def describe_breach(self, value: float) -> str | None:
        """Say that a value breaks the bound; None where it keeps it."""
        if not self.violation(value):
            return None
        return f"{self.name} is {value:.6g}, but the constraint is {self}"


def parse_constraints(texts: Sequence[str]) -> tuple[Constraint, ...]:
    """Parse the constraints of a sweep, as its file has them.

    Raises:
        ConfigError: one is not of the form NAME < NUMBER, or bounds what no trial has.
    """
    return tuple(map(_parse, texts))


def _parse(text: str) -> Constraint:
    parts = FORM.fullmatch(text)
    try:
        limit = float(parts[3]) if parts else math.nan
    except ValueError:
        limit = math.nan
    if parts is None or not math.isfinite(limit):
        raise ConfigError(
            f"constraint must be NAME < NUMBER (or <=, >, >=), such as parameters < 1e6, but got "
            f"{text!r}."
        )
    names = [f"val/{score.name}" for score in published_scores()]
    names += [cost.name for cost in run_costs()]
    if parts[1] not in names:
        raise ConfigError(
            f"constraint: {parts[1]} is no score or cost of a trial. "
            f"{did_you_mean(parts[1], names)}"
        )
    return Constraint(parts[1], parts[2], limit)
