"""A database that is read lightly says what Optuna's own storage says, and asks for less."""

import random
from contextlib import contextmanager

import optuna
import pytest
from helpers.studies import make_study
from optuna.distributions import FloatDistribution
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial
from sqlalchemy import event

from vael.sweep.study.database import Database
from vael.sweep.study.reader import StudyReader
from vael.sweep.study.study import Study

RUNG = "completed_rung_0"
UNIT = FloatDistribution(0, 1)


class Looker(optuna.pruners.NopPruner):
    """A pruner of somebody's own, which looks at what others have reported so far."""


def running(x, reported=0):
    return create_trial(
        state=TrialState.RUNNING,
        params={"x": x},
        distributions={"x": UNIT},
        intermediate_values=dict.fromkeys(range(reported), 1.0),
    )


@contextmanager
def statements(database):
    """What is sent to the database meanwhile."""
    sent = []

    def note(connection, cursor, statement, *rest):
        sent.append(statement)

    event.listen(database._backend.engine, "before_cursor_execute", note)
    yield sent
    event.remove(database._backend.engine, "before_cursor_execute", note)


def change(storage, study, trial, draw):
    """One of the things that may happen to a trial that is open."""
    one = trial._trial_id
    if trial.state == TrialState.WAITING:
        if not trial.params:
            storage.set_trial_param(one, "x", draw.random(), UNIT)
        storage.set_trial_state_values(one, TrialState.RUNNING)
        return
    kind = draw.choice(("report", "report", "rung", "wait", "end", "prune"))
    if kind == "report":
        storage.set_trial_intermediate_value(one, draw.randrange(5), draw.random())
    elif kind == "rung":
        storage.set_trial_system_attr(one, RUNG, draw.random())
    elif kind == "wait":
        storage.set_trial_state_values(one, TrialState.WAITING)
    else:
        storage.set_trial_user_attr(one, "reason", kind)
        state = TrialState.COMPLETE if kind == "end" else TrialState.PRUNED
        storage.set_trial_state_values(one, state, [draw.random()])


@pytest.mark.parametrize("seed", range(3))
def test_it_says_what_optunas_own_storage_says(tmp_path, seed):
    draw, url = random.Random(seed), f"sqlite:///{tmp_path}/study.db"
    plain = RDBStorage(url)
    study = plain.create_new_study([StudyDirection.MINIMIZE], "study")
    nodes = [Database(RDBStorage(url), light=True) for _ in range(3)]
    for _ in range(70):
        node = draw.choice(nodes)
        node.get_all_trials(study, deepcopy=False)
        truth = plain.get_all_trials(study, deepcopy=False)
        open_ones = [trial for trial in truth if not trial.state.is_finished()]
        if len(open_ones) < 4:
            template = draw.choice((None, running(draw.random())))
            template = template or create_trial(state=TrialState.WAITING)
            node.create_new_trial(study, template)
        else:
            change(node, study, draw.choice(open_ones), draw)
        found = draw.choice(nodes).get_all_trials(study, deepcopy=False)
        truth = plain.get_all_trials(study, deepcopy=False)
        assert [trial.number for trial in found] == list(range(len(truth)))
        for one, real in zip(found, truth, strict=True):
            assert one.state == real.state
            if real.state != TrialState.WAITING:
                assert one.params == real.params
                assert one.system_attrs == real.system_attrs
            if real.state.is_finished():
                assert one == real
    assert sum(trial.state.is_finished() for trial in truth) > 5


def test_what_runs_is_not_read_again_and_what_ends_is_read_once(tmp_path):
    url = f"sqlite:///{tmp_path}/study.db"
    light, whole = (Database(RDBStorage(url), light) for light in (True, False))
    study = light.create_new_study([StudyDirection.MINIMIZE], "study")
    ids = [light.create_new_trial(study, running(i / 10, 30)) for i in range(10)]
    sent = {}
    for node in (light, whole):
        node.get_all_trials(study)
        with statements(node) as asked:
            node.get_all_trials(study)
        sent[node] = asked
    assert len(sent[light]) == 1 < len(sent[whole])
    assert not any("intermediate" in text for text in sent[light])
    whole.set_trial_state_values(ids[3], TrialState.COMPLETE, [0.5])
    with statements(light) as asked:
        found = light.get_all_trials(study)
    assert sum("trial_intermediate_values" in text for text in asked) == 1
    assert (found[3].value, len(found[3].intermediate_values)) == (0.5, 30)
    with statements(light) as asked:
        light.get_all_trials(study)
    assert len(asked) == 1


@pytest.mark.parametrize("pruner", ["halving", "hyperband"])
def test_rungs_of_halving_are_seen_by_others_while_they_run(tmp_path, pruner, light):
    told = {}
    for storage in ("journal", "sqlite:///"):  # of which nothing is old
        (tmp_path / storage[:6]).mkdir()
        study = make_study(tmp_path / storage[:6], storage=storage, trials=5, pruner=pruner)
        workers = [study, *(Study.open(study.folder) for _ in range(4))]
        claims = [worker.claim(f"w{i}") for i, worker in enumerate(workers)]
        told[storage] = [
            worker.report(claim, epoch, 2 + (claim.number * 2 % 5) / 10)
            for epoch in (1, 3, 8, 9, 24, 27)
            for worker, claim in zip(workers, claims, strict=True)
        ]
    assert told["journal"] == told["sqlite:///"]
    assert 0 < sum(told["journal"]) < len(told["journal"])


def test_a_pruner_of_ones_own_and_a_page_read_all(tmp_path):
    study = make_study(tmp_path, storage="sqlite:///")
    assert study.storage.light
    assert not StudyReader.open(study.folder).storage.light
    mine = {"_target_": f"{__name__}.Looker"}
    own = make_study(tmp_path, storage="sqlite:///", pruner=mine, name="own")
    assert not own.storage.light
