"""Database of a study, read lightly: what has ended once, what runs by its state."""

import copy
import json
import time
from typing import Any

import sqlalchemy as sql
from optuna.storages import RDBStorage
from optuna.storages._cached_storage import _CachedStorage, _StudyInfo
from optuna.storages._rdb.models import TrialModel, TrialSystemAttributeModel
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

TABLE_TRIES = 50  # tries to make the tables, beside others that make them
OPEN = (TrialState.RUNNING, TrialState.WAITING)
RUNGS = "completed_rung_"  # how the names begin of what halving leaves with a trial


class Database(_CachedStorage):
    """Storage in a database, for one study.

    Optuna's own cache reads each trial that has not ended anew, and whole, whenever trials are
    listed: of a thousand that run, half a second of processor time, and more with each epoch that
    they report. But a trial of ours has all its parameters before it runs.

    Args:
        backend: without a cache.
        light: read a trial whole when it is new or its state has changed, and of those that run
            only the rungs of halving. What is known of the intermediate values of other running
            trials is then old; Optuna's own samplers and pruners do not look at them.
    """

    def __init__(self, backend: RDBStorage, light: bool) -> None:
        super().__init__(backend)
        self.light = light
        self._read_up_to = -1  # the highest id that has been read

    def _read_trials_from_remote_storage(self, study_id: int) -> None:
        if not self.light:
            super()._read_trials_from_remote_storage(study_id)
            return
        with self._lock:
            study = self._studies.setdefault(study_id, _StudyInfo())
            states, rungs = self._look(study_id)
            changed = {
                trial_id
                for trial_id in states.keys() | study.unfinished_trial_ids
                if (known := self._find(trial_id)) is None or known.state != states.get(trial_id)
            }
            if changed:
                some = changed if self._read_up_to >= 0 else set()
                found = self._backend._get_trials(study_id, None, some, max(some, default=-1))
                self._add_trials_to_cache(study_id, found)
                self._read_up_to = max(self._read_up_to, *(t._trial_id for t in found))
            study.unfinished_trial_ids = {
                trial_id
                for trial_id in states.keys() | changed
                if (known := self._find(trial_id)) and not known.state.is_finished()
            }
            for trial_id, own in rungs.items():
                trial = copy.copy(self._find(trial_id))  # others may hold the one of before
                assert trial is not None
                trial.system_attrs = {**trial.system_attrs, **own}
                study.trials[trial.number] = trial

    def _find(self, trial_id: int) -> FrozenTrial | None:
        place = self._trial_id_to_study_id_and_number.get(trial_id)
        return None if place is None else self._studies[place[0]].trials.get(place[1])

    def _look(self, study_id: int) -> tuple[dict[int, TrialState], dict[int, dict[str, Any]]]:
        """Look at what is open or new: its state, and the rungs of what runs, by trial id."""
        trial, rung = TrialModel, TrialSystemAttributeModel
        own = sql.and_(
            rung.trial_id == trial.trial_id,
            rung.key.startswith(RUNGS, autoescape=True),
            trial.state == TrialState.RUNNING,
        )
        query = (
            sql.select(trial.trial_id, trial.state, rung.key, rung.value_json)
            .outerjoin(rung, own)
            .where(trial.study_id == study_id)
            .where(sql.or_(trial.trial_id > self._read_up_to, trial.state.in_(OPEN)))
        )
        states: dict[int, TrialState] = {}
        rungs: dict[int, dict[str, Any]] = {}
        with _create_scoped_session(self._backend.scoped_session) as session:
            for trial_id, state, key, text in session.execute(query):
                states[trial_id] = state
                if key is not None:
                    rungs.setdefault(trial_id, {})[key] = json.loads(text)
        return states, rungs


def open_database(url: str, options: dict[str, Any], light: bool) -> Database:
    """Open a database and make its tables, or find them.

    Of several that make them at once, all but one try again: "if not exists" is asked first and
    done afterwards, and in between another one may have done it.

    Args:
        url: of SQLAlchemy.
        options: of its engine.
        light: see ``Database``.
    """
    tries = TABLE_TRIES
    while True:
        try:
            return Database(RDBStorage(url, options), light)
        except (IntegrityError, OperationalError, ProgrammingError) as error:
            tries -= 1
            made = isinstance(error, IntegrityError) or "already exists" in str(error)
            if not made or not tries:
                raise
            time.sleep(0.1)
