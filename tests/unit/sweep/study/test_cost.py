"""What a trial will cost, by the trials before it."""

import json
from pathlib import Path

import pytest
from helpers.studies import make_study, train

from vael.sweep.spec.grammar import parse_space
from vael.sweep.study.cost import foresee_seconds
from vael.sweep.study.records import Claim
from vael.sweep.study.table import TrialRow

SPACE = parse_space(
    {"width": "tag(log, interval(1, 10000))", "net": "choice(mlp, conv)"},
    {"net=conv": {"depth": "int(interval(1, 5))"}},
)


def row(number, seconds, state="complete", **params):
    return TrialRow(number, state, (1.0,), None, params, 3, seconds, 1, Path())


def test_it_is_the_mean_of_the_three_nearest_where_each_step_of_a_parameter_counts_its_share():
    table = [
        row(0, 1.0, net="mlp", width=1.0),
        row(1, 2.0, net="mlp", width=10.0),
        row(2, 6.0, net="mlp", width=100.0, state="pruned"),
        row(3, 100.0, net="mlp", width=10000.0),
        row(4, 900.0, net="conv", width=10.0, depth=1),
        row(5, 800.0, net="conv", width=10.0, depth=5),
        row(6, 5.0, net="conv", width=9.0, depth=4, state="failed"),
        row(7, None, net="mlp", width=10.0, state="running"),
    ]
    assert foresee_seconds(SPACE, table, {"net": "mlp", "width": 10.0}) == 3.0
    # depth 4 lies a quarter from 5, and three from 1; to any mlp it is 2 and more
    near = foresee_seconds(SPACE, table, {"net": "conv", "width": 10.0, "depth": 4})
    assert near == pytest.approx((800 + 900 + 2) / 3)


def test_two_trials_tell_nothing():
    table = [row(0, 1.0, net="mlp", width=1.0), row(1, 2.0, net="mlp", width=10.0)]
    assert foresee_seconds(SPACE, table, {"net": "mlp", "width": 10.0}) is None


def work(study, most=1000):
    """Train until there is nothing to do; sizes above 16 take 1,000 s, others 100."""
    sizes = []
    while len(sizes) < most and isinstance(claim := study.claim("w"), Claim):
        sizes.append(study.trials()[claim.number].params["model.latent_dim"])
        train(study, claim, 1.0)
        path = claim.folder / "summary.json"
        seconds = 1000.0 if sizes[-1] > 16 else 100.0
        path.write_text(json.dumps(json.loads(path.read_text()) | {"seconds": seconds}))
        study._table._ended.clear()  # the table has been read before
    return sizes


@pytest.mark.parametrize("left", [500.0, 1.0])
def test_what_is_left_goes_to_trials_that_end_in_it(tmp_path, light, monkeypatch, left):
    study = make_study(
        tmp_path,
        trials=30,
        sampler="random",
        space={"model.latent_dim": "tag(log, int(interval(2, 256)))"},
        when={},
        limits={"study_hours": 1},
    )
    now = [3600.0]
    monkeypatch.setattr(type(study), "seconds_left", lambda _: now[0])
    assert max(work(study, 12)) > 100
    assert study.describe_end() is None
    now[0] = left
    begun = work(study)
    assert max(begun, default=0) < 30  # two of three neighbours tell: never far beyond 16
    assert bool(begun) == (left > 100)
    assert len(study.trials()) < 30
    assert study.describe_end() == "The time is spent (limits.study_hours: 1)."
