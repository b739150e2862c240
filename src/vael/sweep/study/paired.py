"""Paired differences between models: an interval over training seeds and test examples at once.

Two models A and B are trained on the same n seeds and scored on the same N test examples:
``d_ij = b_ij - a_ij`` for seed i and example j, in the unit of the score. The model is

    d_ij = delta + S_i + E_j + R_ij

with independent S (what another seed changes), E (what another example changes) and R (both). The
mean d is an estimate of delta, for seeds and examples that have not been drawn, with

    v_E = var_j(mean_i d_ij) / N                         N - 1 degrees of freedom
    v_S = max(0, var_i(mean_j d_ij) / n - v_R)           n - 1
    v_R = sum (d_ij - d_i. - d_.j + d)^2 / ((n - 1) (N - 1) n N)

(v_E holds R already). Its interval is ``d +- t sqrt(v_S + v_E)`` with the quantiles t of Student's
law weighed by the variances, as Cochran and Cox (1957, Experimental Designs, section 4.14) do for
two variances of few degrees of freedom:

    t = (v_S t(n-1) + v_E t(N-1)) / (v_S + v_E)

Of several pairs each gets the level ``1 - (1 - level) / pairs`` (Bonferroni), so that all hold at
once. In simulation (tests/unit/sweep/study/test_paired.py) 95 % are 93 to 97 %. Satterthwaite's
degrees of freedom would cover 92.5 % with three seeds; seeds or examples alone as little as 50 %.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

LEVEL = 0.95
Table = npt.NDArray[np.float64]
"""Scores ``(n, N)``: a row for each seed, a column for each example."""


@dataclass(frozen=True)
class PairedDifference:
    """Mean difference of two models with its interval, in the unit of the scores.

    Attributes:
        mean: of B less A.
        seeds: n.
        examples: N.
        seed_variance: v_S.
        example_variance: v_E.
        level: of this interval.
    """

    mean: float
    seeds: int
    examples: int
    seed_variance: float
    example_variance: float
    level: float = LEVEL

    @property
    def half_width(self) -> float:
        """Half of the interval's width."""
        return self._quantile * math.sqrt(self.seed_variance + self.example_variance)

    @property
    def of_seeds(self) -> float:
        """The part of ``half_width`` that seeds make: its square and the other's add up."""
        return self._quantile * math.sqrt(self.seed_variance)

    @property
    def of_examples(self) -> float:
        """The part of ``half_width`` that examples make."""
        return self._quantile * math.sqrt(self.example_variance)

    @property
    def found(self) -> bool:
        """Whether the interval does not hold 0."""
        return abs(self.mean) > self.half_width

    def with_seeds(self, seeds: int) -> "PairedDifference":
        """Return what as good a guess for another number of seeds is."""
        return replace(self, seeds=seeds, seed_variance=self.seed_variance * self.seeds / seeds)

    @property
    def _quantile(self) -> float:
        total = self.seed_variance + self.example_variance
        share = self.seed_variance / total if total else 0.0
        few, many = (student_quantile(self.level, n - 1) for n in (self.seeds, self.examples))
        return share * few + (1 - share) * many


def student_quantile(level: float, degrees: int) -> float:
    """Return t with ``P(|T| <= t) = level`` for Student's law."""
    from scipy.special import stdtrit  # type: ignore[import-untyped]

    return float(stdtrit(degrees, 0.5 + level / 2))


def compute_difference(a: Table, b: Table, level: float = LEVEL) -> PairedDifference:
    """Compute the difference of two models by their scores ``(n, N)`` on the same examples.

    Args:
        a: of the one.
        b: of the other, whose rows have the same seeds.
        level: of the interval.
    """
    d = b - a
    n, many = d.shape
    assert n >= 2
    assert many >= 2
    mean, by_seed, by_example = float(d.mean()), d.mean(1), d.mean(0)
    rest = d - by_seed[:, None] - by_example + mean
    of_both = float((rest**2).sum()) / ((n - 1) * (many - 1) * n * many)
    of_examples = float(by_example.var(ddof=1)) / many
    of_seeds = max(0.0, float(by_seed.var(ddof=1)) / n - of_both)
    return PairedDifference(mean, n, many, of_seeds, of_examples, level)


def compute_differences(
    tables: Sequence[Table], level: float = LEVEL
) -> dict[tuple[int, int], PairedDifference]:
    """Compute the difference of each pair i < j, of j less i, with intervals that hold at once."""
    pairs = list(combinations(range(len(tables)), 2))
    each = 1 - (1 - level) / len(pairs)
    return {(i, j): compute_difference(tables[i], tables[j], each) for i, j in pairs}
