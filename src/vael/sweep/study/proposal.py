"""Proposal of a study's next trial: a point that has not been tried."""

import copy
from collections.abc import Callable, Container, Mapping, Sequence
from datetime import datetime
from random import Random
from types import MappingProxyType
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from vael.sweep.spec.definition import Definition
from vael.sweep.spec.domain import Value
from vael.sweep.spec.nearest import find_nearest
from vael.sweep.spec.space import Space
from vael.sweep.study import samplers
from vael.sweep.study.history import TrialHistory

FIXED = "fixed_params"  # optuna's name of what Trial takes as given
DRAFT = -1  # the id of a trial that is not stored


class Proposer:
    """Proposals for new trials, one after another.

    Args:
        study: whose trials its sampler learns from.
        space: what is searched.
    """

    def __init__(self, study: optuna.Study, space: Space) -> None:
        self._study = study
        self._space = space
        self._sampler: BaseSampler | None = None

    def propose(
        self,
        d: Definition,
        trials: Sequence[FrozenTrial],
        history: TrialHistory,
        given: Mapping[str, Value] = MappingProxyType({}),
        affords: Callable[[Mapping[str, Value]], bool] = lambda _: True,
    ) -> FrozenTrial | None:
        """Propose the next trial, whole but not stored; None: there is none left.

        The sampler is asked a few times; where all that it wants has been tried, the nearest
        point that has not is taken. It depends on the seed and the trials so far.

        Args:
            d: the definition.
            trials: all of the study, by number.
            history: of them.
            given: parameters that are not asked for.
            affords: whether there is time left for a point.
        """
        if history.exhausted:
            return None
        number = len(trials)
        self._sampler = samplers.make_sampler(d.sampler, d.seed, number, self._sampler)
        for _ in range(samplers.count_asks(d.sampler)):
            trial = self._ask(trials, {FIXED: dict(given)} if given else {})
            if not history.is_tried(trial.params) and affords(trial.params):
                return trial
        random = Random(f"{d.seed} {number}")
        nearest = find_nearest(self._space, trial.params, history.has_key, random)
        if nearest is None or not affords(nearest):
            return None
        return self._ask(trials, {**trial.system_attrs, FIXED: nearest})

    def _ask(self, trials: Sequence[FrozenTrial], attributes: Mapping[str, Any]) -> FrozenTrial:
        draft = FrozenTrial(
            number=len(trials),
            state=TrialState.RUNNING,
            value=None,
            datetime_start=datetime.now(),
            datetime_complete=None,
            params={},
            distributions={},
            user_attrs={},
            system_attrs=dict(attributes),
            intermediate_values={},
            trial_id=DRAFT,
        )
        study = optuna.load_study(
            study_name=self._study.study_name,
            storage=_Drafting(self._study._storage, trials, draft),  # type: ignore[arg-type]
            sampler=self._sampler,
            pruner=self._study.pruner,
        )
        self._space.suggest(Trial(study, DRAFT))
        draft.system_attrs = {k: v for k, v in draft.system_attrs.items() if k != FIXED}
        return draft


class _Drafting:
    """Storage with one trial more, a draft; what its sampler writes there is not stored.

    So a proposal can be thrown away, and one that is taken is stored in a single step: whoever
    dies leaves either no trial or a whole one. The trials are those of the claim: nobody else adds
    any meanwhile, and a data base takes long to list them.
    """

    def __init__(
        self, storage: BaseStorage, trials: Sequence[FrozenTrial], draft: FrozenTrial
    ) -> None:
        self._storage, self._trials, self._draft = storage, trials, draft

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def get_all_trials(
        self, _: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        found = [t for t in self._trials if states is None or t.state in states]
        return copy.deepcopy(found) if deepcopy else found

    def get_trial(self, trial_id: int) -> FrozenTrial:
        return self._draft if trial_id == DRAFT else self._storage.get_trial(trial_id)

    def get_trial_system_attrs(self, trial_id: int) -> dict[str, Any]:
        return self.get_trial(trial_id).system_attrs

    def set_trial_param(self, trial_id: int, *_: object) -> None:
        assert trial_id == DRAFT  # Trial itself notes it in the draft

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        if trial_id == DRAFT:
            self._draft.system_attrs = {**self._draft.system_attrs, key: value}
        else:
            self._storage.set_trial_system_attr(trial_id, key, value)
