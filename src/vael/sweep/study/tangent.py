"""Pruner that goes by where a trial's learning curve can still get to.

A rank after a few epochs says little about the end, and it is biased: a small beta is ahead early
and loses late. So a trial is compared with the best score that any has ended with, not with what
others had at its age. Over the logarithm of the epochs learning curves are convex: they stay above
their tangent, and the tangent's value at the last epoch is a bound on what the trial can reach,

    b(t) = m(t) - s(t) ln(T / t),

with m(t) the best score up to epoch t, T the epochs of a whole trial, and s(t) >= 0 the descent of
the scores for each unit of ln t, a least-squares line through the last third of the epochs up to
t. Where curves are not convex (a schedule of beta or of the learning rate), trials that are
complete tell by how much they went below their own bounds. A trial is pruned at t >= T / 4 where

    b(t) - max(0, max_i (b_i(t) - y_i)) > min_i y_i,

over complete trials i, which keep the sweep's constraints, with scores y_i; in the maximum over
the best ``JUDGES`` of them.
"""

import heapq
import math
from collections.abc import Mapping
from statistics import linear_regression
from typing import TYPE_CHECKING

from optuna.pruners import BasePruner
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from vael.sweep.study.table import is_feasible

if TYPE_CHECKING:
    from optuna import Study

JUDGES = 20  # complete trials whose bounds are compared with their ends
LEAST_POINTS = 4  # of a line: fewer follow the noise of one epoch


class TangentPruner(BasePruner):
    """Prune a trial whose extrapolated curve does not reach the best score there is.

    Args:
        epochs: of a whole trial, T.
        start: the share of them before which no trial is judged.
        window: the share of a trial's epochs so far, the last ones, that the line goes through.

    Raises:
        ValueError: a share is not between 0 and 1.
    """

    def __init__(self, epochs: int, start: float = 0.25, window: float = 1 / 3) -> None:
        for name, share in {"start": start, "window": window}.items():
            if not 0 < share <= 1:
                raise ValueError(f"{name} must be above 0 and at most 1, but got {share}.")
        self.epochs, self.start, self.window = epochs, start, window

    def prune(self, study: "Study", trial: FrozenTrial) -> bool:
        """Tell whether the trial cannot become the best one any more."""
        epoch = trial.last_step
        ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        complete = [other for other in ended if is_feasible(other)]
        if epoch is None or epoch < self.start * self.epochs or not complete:
            return False
        sign = -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0
        own = self._bound(trial.intermediate_values, epoch, sign)
        ends = [(sign * other.values[0], other.number) for other in complete]
        best = min(ends)[0]
        if own is None or own <= best:
            return False
        curves = {other.number: other.intermediate_values for other in complete}
        misses = [
            bound - end
            for end, number in heapq.nsmallest(JUDGES, ends)
            if (bound := self._bound(curves[number], epoch, sign)) is not None
        ]
        return own - max(0.0, *misses) > best if misses else False

    def _bound(self, values: Mapping[int, float], epoch: int, sign: float) -> float | None:
        """Return the tangent's value at the last epoch, or None where too little is known."""
        known = {t: sign * y for t, y in values.items() if t <= epoch}
        begin = math.floor(epoch * (1 - self.window))
        recent = [(math.log(t), y) for t, y in known.items() if t >= begin]
        if len(recent) < LEAST_POINTS or not all(map(math.isfinite, known.values())):
            return None
        slope = linear_regression(*zip(*recent, strict=True)).slope
        ahead = max(0.0, math.log(self.epochs / epoch))
        return min(known.values()) + min(0.0, slope) * ahead
