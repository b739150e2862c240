"""History of a study: which trials are open, and which points have been tried."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vael.sweep.spec.domain import Value
from vael.sweep.spec.space import Space, point_key

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

BY_CHANCE = "by_chance"  # user attribute of a trial that failed of memory or of losses
CHANCES = 2  # trials that may fail so at one point; then it counts as tried


class TrialHistory:
    """Memory of a study's trials. What has ended stays as it is and is looked at once.

    A training is a function of its configuration, seed included: to train the same point twice
    tells nothing. A point is tried once a trial of it is complete, pruned, running or waiting, or
    has failed of itself, such as with a loss that is not finite. A trial that ran out of memory or
    was lost too often leaves its point untried, ``CHANCES`` times.
    """

    def __init__(self, space: Space) -> None:
        self.open: list[int] = []
        self._space = space
        self._size = space.size()
        self._known = 0
        self._ended: set[frozenset[str]] = set()
        self._begun: set[frozenset[str]] = set()
        self._by_chance: Counter[frozenset[str]] = Counter()

    def update(self, trials: Sequence["FrozenTrial"]) -> list["FrozenTrial"]:
        """Take in what has happened, and return the trials that have ended since the last time.

        Args:
            trials: all of the study, by number.
        """
        numbers = [*self.open, *range(self._known, len(trials))]
        self.open, self._begun, self._known = [], set(), len(trials)
        news = [trials[number] for number in numbers]
        for trial in news:
            ended = trial.state.is_finished()
            if not ended:
                self.open.append(trial.number)
            if not self._space.holds(trial.params):
                continue  # of another space, before --force; or nothing has been chosen yet
            key = point_key(trial.params)
            if not ended:
                self._begun.add(key)
                continue
            by_chance = bool(trial.user_attrs.get(BY_CHANCE))
            self._by_chance[key] += by_chance
            if not by_chance or self._by_chance[key] >= CHANCES:
                self._ended.add(key)
        return [trial for trial in news if trial.state.is_finished()]

    def is_tried(self, params: Mapping[str, Value]) -> bool:
        """Tell whether the point has been tried."""
        return self.has_key(point_key(params))

    def has_key(self, key: frozenset[str]) -> bool:
        """Tell whether the point of a key (``point_key``) has been tried."""
        return key in self._ended or key in self._begun

    @property
    def exhausted(self) -> bool:
        """Whether every point of the space has been tried."""
        if self._size is None:
            return False
        return len(self._ended) + len(self._begun - self._ended) >= self._size
