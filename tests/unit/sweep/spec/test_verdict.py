"""Which verdicts a sweep is to give, and on how many runs."""

import pytest

from vael.errors import ConfigError
from vael.sweep.spec.grammar import parse_space
from vael.sweep.spec.sweep_file import parse_sweep
from vael.sweep.spec.verdict import count_seeds, note_missing, note_verdicts, select_verdicts

SPACE = {
    "objective.beta": "interval(1, 2)",
    "model.latent_dim": "choice(4, 8)",
    "seed": "choice(0, 1)",
    "likelihood": "choice(gaussian, bernoulli, laplace)",
    "likelihood.fit": "choice(mass, density)",
}
WHEN = {"likelihood=gaussian": {"likelihood.scale": "choice(shared, predicted)"}}
MANY = "choice(a, b, c, d, e, f, g)"


def select(**changes):
    plain = {"name": "s", "trials": 9, "space": SPACE, "when": WHEN, **changes}
    d = parse_sweep(plain)
    return d, select_verdicts(d, parse_space(d.space, d.when))


def paths(**changes):
    return [p.path for p in select(**changes)[1]]


def test_by_default_the_first_choice_among_things_is_judged():
    assert paths() == ["likelihood"], "sizes and seeds are not categories"
    assert paths(space={"model.latent_dim": "choice(4, 8)"}, when={}) == []
    assert paths(space={"trainer.compile": "choice(true, false)"}, when={}) == ["trainer.compile"]


def test_others_are_judged_by_name():
    assert paths(verdict="likelihood.scale") == ["likelihood.scale"]
    assert paths(verdict=["likelihood", "model.latent_dim", "likelihood"]) == [
        "likelihood",
        "model.latent_dim",
    ]
    assert paths(verdict="prior", space={"prior": MANY}, when={}) == ["prior"]


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": None},
        {"confirm": 0},
        {"confirm": 0, "verdict": "likelihood"},
        {"confirm": 2},
        {"targets": ["val/rate", "val/distortion"]},
    ],
)
def test_none_where_none_is_wanted_or_the_seeds_do_not_suffice(changes):
    assert paths(**changes) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"verdict": "likelihod"}, "likelihod is not in the space. Did you mean likelihood"),
        ({"verdict": "objective.beta"}, "must be a choice"),
        ({"verdict": "seed"}, "seed cannot be compared"),
        ({"verdict": "likelihood", "confirm": 2}, "at least 3 for a verdict on the 3 choices"),
        (
            {"verdict": "prior", "space": {"prior": MANY}, "when": {}, "confirm": 4},
            "at least 5 for a verdict on the 7 choices",
        ),
        ({"space": {"prior": MANY}, "when": {}}, "prior has 7 choices"),
        (
            {"verdict": "likelihood", "targets": ["val/rate", "val/bpd"]},
            "null with several targets",
        ),
    ],
)
def test_what_cannot_be_judged_is_refused_in_one_line(changes, says):
    with pytest.raises(ConfigError) as told:
        select(**changes)
    assert says in str(told.value)
    assert "\n" not in str(told.value)


def test_short_runs_and_many_choices_take_more_seeds():
    d, verdicts = select()
    assert [count_seeds(d, verdicts, s) for s in (None, 59.9, 60.0)] == [3, 5, 3]
    many, choices = select(space={"prior": "choice(a, b, c, d)"}, when={})
    assert count_seeds(many, choices, 1e5) == 5
    own, verdicts = select(confirm=7)
    assert count_seeds(own, verdicts, 1.0) == 7


def test_the_start_says_how_many_runs_come():
    d, verdicts = select(verdict=["likelihood", "likelihood.fit"])
    one, two, shared = note_verdicts(d, verdicts)
    assert "likelihood (gaussian, bernoulli, laplace)" in one
    assert "5 fresh seeds (3 where a run takes a minute or longer)" in one
    assert "up to 15 runs" in one
    assert "up to 10 runs" in two
    assert "once" in shared
    assert note_verdicts(d, ()) == []
    d, verdicts = select(confirm=4)
    assert "on 4 fresh seeds" in note_verdicts(d, verdicts)[0]


@pytest.mark.parametrize(
    ("changes", "seeds"),
    [({"confirm": 2}, 3), ({"confirm": 3}, None), ({"confirm": 0}, None), ({}, None)],
)
def test_the_start_says_where_the_default_verdict_lacks_seeds(changes, seeds):
    d, verdicts = select(**changes)
    assert (seeds is None) == (bool(verdicts) or d.confirm == 0)
    told = note_missing(d, parse_space(d.space, d.when))
    assert len(told) == (seeds is not None)
    assert all(f"it takes {seeds} fresh seeds, and confirm is 2" in line for line in told)
    silent, _ = select(**{**changes, "verdict": None})
    assert note_missing(silent, parse_space(silent.space, silent.when)) == []
