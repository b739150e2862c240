"""Pruner that goes by where a trial's learning curve can still get to.

A rank after a few epochs says little about the end, and it is biased: a small beta is ahead early
and loses late. So a trial is compared with the best score that any has ended with, not with what
others had at its age. Over the logarithm of the epochs learning curves are nearly convex: they
stay above their tangent, and one that bends down a little bounds what the trial can reach,

    b(t) = m(t) - s(t) L (1 + c L),  L = ln(T / t),

with m(t) the best score up to epoch t, T the epochs of a whole trial, s(t) >= 0 the descent of
the scores for each unit of ln t, a least-squares line through the last third of the epochs up to
t, and c = 1/10: ahead of t the descent may grow by a fifth for each unit. Where curves bend down
further (a schedule of beta or of the learning rate), trials that are complete tell by how much
they went below their own bounds. A trial is pruned at t >= T / 8 where

    b(t) - max(0, max_i (b_i(t) - y_i)) > y_(k),  k = ceil((N + n / 2) / 10) and at most 25,

over complete trials i, which keep the sweep's constraints, with scores y_i, y_(k) the k-th best of
them, N the number of trials that have ended, n of those to come, at most 20; in the maximum over
the best ``JUDGES``. The best tenth, not the best alone: from them TPE learns where to look, and it
needs their true ends. Half of the trials to come count, too, since the best tenth grows with them.
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

MOST_KEPT = 25  # as many as TPE takes for good
JUDGES = 20  # complete trials whose bounds are compared with their ends
LEAST_POINTS = 4  # of a line: fewer follow the noise of one epoch
AHEAD = 10  # of the trials to come half count, but at most so many


class TangentPruner(BasePruner):
    """Prune a trial whose extrapolated curve does not reach the best scores there are.

    Args:
        epochs: of a whole trial, T.
        start: the share of them before which no trial is judged.
        best: the share of all trials that a trial must be able to be among; 0: the best alone.
        window: the share of a trial's epochs so far, the last ones, that the line goes through.
        bend: c, half of the share by which the descent may grow for each unit of ln t ahead; 0:
            curves are trusted to be convex.
        trials: the study's budget; None: it has none.

    Raises:
        ValueError: a share is not between 0 and 1, or bend is below 0.
    """

    def __init__(
        self,
        epochs: int,
        start: float = 1 / 8,
        best: float = 0.1,
        window: float = 1 / 3,
        bend: float = 0.1,
        trials: int | None = None,
    ) -> None:
        for name, share in {"start": start, "window": window}.items():
            if not 0 < share <= 1:
                raise ValueError(f"{name} must be above 0 and at most 1, but got {share}.")
        if not 0 <= best <= 1:
            raise ValueError(f"best must be in [0, 1], but got {best}.")
        if not 0 <= bend < math.inf:
            raise ValueError(f"bend must be at least 0 and finite, but got {bend}.")
        self.epochs, self.start, self.best = epochs, start, best
        self.window, self.bend, self.trials = window, bend, trials

    def prune(self, study: "Study", trial: FrozenTrial) -> bool:
        """Tell whether the trial cannot become one of the best any more."""
        epoch = trial.last_step
        if epoch is None or epoch < self.start * self.epochs:
            return False
        states = (TrialState.COMPLETE, TrialState.PRUNED)
        ended = [t for t in study.get_trials(deepcopy=False, states=states) if is_feasible(t)]
        complete = [t for t in ended if t.state == TrialState.COMPLETE]
        kept = self._kept(len(ended))
        if len(complete) < kept:
            return False
        sign = -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0
        own = self._bound(trial.intermediate_values, epoch, sign)
        ends = heapq.nsmallest(
            max(JUDGES, kept), ((sign * other.values[0], other.number) for other in complete)
        )
        mark = ends[kept - 1][0]
        if own is None or own <= mark:
            return False
        curves = {other.number: other.intermediate_values for other in complete}
        misses = [
            bound - end
            for end, number in ends[:JUDGES]
            if (bound := self._bound(curves[number], epoch, sign)) is not None
        ]
        return own - max(0.0, *misses) > mark if misses else False

    def _kept(self, ended: int) -> int:
        """Count the best scores that a trial must be able to be among."""
        to_come = 2 * AHEAD if self.trials is None else max(0, self.trials - ended)
        share = self.best * (ended + min(AHEAD, to_come / 2))
        return min(max(1, math.ceil(round(share, 9))), MOST_KEPT)  # 0.1 * 30 is a little above 3

    def _bound(self, values: Mapping[int, float], epoch: int, sign: float) -> float | None:
        """Return the bound on the value at the last epoch, or None where too little is known."""
        known = {t: sign * y for t, y in values.items() if t <= epoch}
        begin = math.floor(epoch * (1 - self.window))
        recent = [(math.log(t), y) for t, y in known.items() if t >= begin]
        if len(recent) < LEAST_POINTS or not all(map(math.isfinite, known.values())):
            return None
        slope = linear_regression(*zip(*recent, strict=True)).slope
        ahead = max(0.0, math.log(self.epochs / epoch))
        return min(known.values()) + min(0.0, slope) * ahead * (1 + self.bend * ahead)
