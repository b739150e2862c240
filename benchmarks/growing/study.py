"""A study as a long search leaves it, and what others do to it meanwhile."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy as sql
from optuna.distributions import distribution_to_json
from optuna.storages import RDBStorage
from optuna.storages._rdb.models import (
    TrialIntermediateValueModel,
    TrialModel,
    TrialParamModel,
    TrialValueModel,
)
from optuna.trial import FrozenTrial, TrialState

from vael.config.compose import compose_config
from vael.sweep import create
from vael.sweep.spec.sweep_file import parse_sweep
from vael.sweep.study import lease, storage
from vael.sweep.study.records import trial_folder
from vael.sweep.study.study import Study
from vael.sweep.study.table import TrialRow, make_row
from vael.sweep.study.trials_file import TrialsFile

SPACE = {
    "model.latent_dim": "tag(log, int(interval(2, 64)))",
    "objective.beta": "tag(log, interval(0.25, 8))",
    "optimizer.lr": "tag(log, interval(3e-4, 1e-2))",
    "likelihood": "choice(gaussian, bernoulli)",
}
LEASE_SECONDS = 6000.0  # long, so that `measure` decides when all are looked at
EPOCHS = 5  # that each stored trial has reported


def make_study(parent: Path, url: str, trials: int) -> Study:
    """Make a sweep as ``vael sweep`` does, without its default configuration as trial 0."""
    plain = {"name": "growth", "trials": trials, "confirm": 0, "space": SPACE, "storage": url}
    more = {"overrides": ["logger=csv"], "pruner": "median", "lease": LEASE_SECONDS}
    d = parse_sweep({**plain, **more})
    folder = parent / d.name
    os.environ[storage.ENVIRONMENT] = url
    new = replace(create.make_snapshot(d, compose_config(d.overrides), None), default=None)
    create.create_sweep(folder, new, storage.locate_storage(url, folder))
    return Study.open(folder)


class Others:
    """All other workers of a study: their trials run, end and are followed by new ones.

    Args:
        study: a view of it that no measured worker has.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self._draw = random.Random(0)
        self._csv = TrialsFile(study.folder, study.definition.targets)
        ask = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
        study.space.suggest(ask)
        self._kinds = ask.distributions

    def fill(self, count: int, running: int) -> None:
        """End all that runs, then add trials until there are so many, the last of which run."""
        with _unsynced():
            trials = self.study.trials()
            self._end([trial for trial in trials if not trial.state.is_finished()])
            begun = max(len(trials), count - running)
            self._add(len(trials), begun, TrialState.COMPLETE)
            self._add(begun, begun + running, TrialState.RUNNING)

    def work(self, trials: int) -> None:
        """End so many trials, those begun first, and begin as many."""
        with _unsynced():
            known = self.study.trials()
            mine = [t for t in known if t.state == TrialState.RUNNING]
            self._end(mine[:trials])
            self._add(len(known), len(known) + trials, TrialState.RUNNING)

    def _end(self, trials: list[FrozenTrial]) -> None:
        values = {trial._trial_id: _score(trial) for trial in trials}
        backend = _database(self.study)
        if backend is None:
            for one, value in values.items():
                self.study.storage.set_trial_state_values(one, TrialState.COMPLETE, [value])
        else:
            with backend.scoped_session() as session:
                ended = {"state": TrialState.COMPLETE, "datetime_complete": datetime.now()}
                table: Any = TrialModel.__table__
                which = table.c.trial_id.in_(values)
                session.execute(sql.update(table).where(which).values(**ended))
                _insert(session, TrialValueModel, [(o, 0, v, "FINITE") for o, v in values.items()])
                session.commit()
        now = self.study.trials()
        for trial in trials:
            lease.free_lease(trial_folder(self.study.folder, trial.number))
            self._list(now[trial.number])

    def _add(self, begin: int, end: int, state: TrialState) -> None:
        made = [self._trial(number, state) for number in range(begin, end)]
        backend = _database(self.study)
        if backend is None:
            for trial in made:
                self.study.storage.create_new_trial(self.study.id, trial)
        else:
            _store(backend, self.study.id, made)
        for trial in made:
            if state == TrialState.COMPLETE:
                self._list(trial)
                continue
            run = trial_folder(self.study.folder, trial.number)
            run.mkdir(parents=True)
            (run / "config.yaml").write_text("{}\n")
            lease.take_lease(run, "another", 1)

    def _list(self, trial: FrozenTrial) -> None:
        """Add its line to trials.csv."""
        run = trial_folder(self.study.folder, trial.number)
        metrics = {f"val/{name}": 2.5 for name in ("bpd", "elbo", "rate", "distortion", "mse")}
        row: TrialRow = make_row(trial, run)
        self._csv.add(replace(row, epochs=EPOCHS, seconds=1.5, metrics=metrics), SPACE)

    def _trial(self, number: int, state: TrialState) -> FrozenTrial:
        point = {p.path: p.domain.draw(self._draw) for p in self.study.space.parameters}
        ended = state == TrialState.COMPLETE
        trial = FrozenTrial(
            number=number,
            state=state,
            value=None,
            datetime_start=datetime.now(),
            datetime_complete=datetime.now() if ended else None,
            params=point,
            distributions=self._kinds,
            user_attrs={},
            system_attrs={},
            intermediate_values={},
            trial_id=-1,
        )
        value = _score(trial)
        trial.intermediate_values = {s: value + 1 / s for s in range(1, EPOCHS + 1)}
        trial.value = value if ended else None
        return trial


def _score(trial: FrozenTrial) -> float:
    return 2 + abs(float(trial.params["objective.beta"]) - 1)


def _database(study: Study) -> RDBStorage | None:
    return getattr(study.storage, "_backend", None) if study.url != "journal" else None


def _store(backend: RDBStorage, study: int, trials: list[FrozenTrial]) -> None:
    """Store trials at once: one by one, SQLite takes minutes for them."""
    with backend.scoped_session() as session:
        models = [
            TrialModel(
                study_id=study,
                number=trial.number,
                state=trial.state,
                datetime_start=trial.datetime_start,
                datetime_complete=trial.datetime_complete,
            )
            for trial in trials
        ]
        session.add_all(models)
        session.flush()
        params, values, steps = [], [], []
        for model, trial in zip(models, trials, strict=True):
            for name, kind in trial.distributions.items():
                number = kind.to_internal_repr(trial.params[name])
                params.append((model.trial_id, name, number, distribution_to_json(kind)))
            if trial.value is not None:
                values.append((model.trial_id, 0, trial.value, "FINITE"))
            for step, value in trial.intermediate_values.items():
                steps.append((model.trial_id, step, value, "FINITE"))
        _insert(session, TrialParamModel, params)
        _insert(session, TrialValueModel, values)
        _insert(session, TrialIntermediateValueModel, steps)
        session.commit()


def _insert(session: Any, table: Any, rows: list[tuple[Any, ...]]) -> None:
    """Insert rows of a table, whose columns come in its order, without the key."""
    if rows:
        names = [c.name for c in table.__table__.columns if not c.primary_key]
        session.execute(sql.insert(table), [dict(zip(names, row, strict=True)) for row in rows])


@contextmanager
def _unsynced() -> Iterator[None]:
    """Do not wait for the disk meanwhile."""
    sync = os.fsync
    os.fsync = lambda file: None
    try:
        yield
    finally:
        os.fsync = sync
