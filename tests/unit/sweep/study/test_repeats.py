"""No point twice: what has been tried is not trained again, whoever samples, whatever dies."""

import importlib.util
from random import Random

import pytest
from helpers.studies import finish_all, make_study, states, train
from omegaconf import OmegaConf

from vael.sweep.spec import trial_config
from vael.sweep.spec.space import point_key
from vael.sweep.study import lease, proposal
from vael.sweep.study.history import TrialHistory
from vael.sweep.study.records import Claim, Outcome, Wait
from vael.sweep.study.study import Study

SAMPLERS = {
    "tpe": "tpe",
    "tpe in groups": {
        "_target_": "optuna.samplers.TPESampler",
        "multivariate": True,
        "group": True,
        "n_startup_trials": 3,
    },
    "tpe alone": {
        "_target_": "optuna.samplers.TPESampler",
        "multivariate": False,
        "constant_liar": False,
        "n_startup_trials": 3,
    },
    "random": "random",
    "nsgaii": {"_target_": "optuna.samplers.NSGAIISampler", "population_size": 4},
    "qmc": "qmc",
    "cmaes": "cmaes",
    "gp": {"_target_": "optuna.samplers.GPSampler", "n_startup_trials": 3},
}
DOMAINS = (
    "choice(a, b)",
    "choice(null, 0.5)",
    "range(0, 4)",
    "tag(log, int(interval(1, 4)))",
    "range(0.1, 0.4, 0.1)",
)


@pytest.fixture(autouse=True)
def light(monkeypatch):
    """Configs that hold what was chosen and nothing else: composing takes a third of a second."""

    def compose_trial(d, chosen, number, threads, series):
        return OmegaConf.from_dotlist(
            ["objective.beta=1", f"number={number}", "seed=0", "choices={}"]
        )

    monkeypatch.setattr(trial_config, "compose_trial", compose_trial)


def draw_space(random, conditional):
    """A finite space of at most 32 + 8 points."""
    space = {"kind": "choice(x, y)", "p": random.choice(DOMAINS)}
    if not conditional:
        return {**space, "q": random.choice(DOMAINS)}, {}
    return space, {"kind=x": {"q": random.choice(DOMAINS)}}


def points_of(study):
    """Of all trials; no two may be equal."""
    keys = [point_key(trial.params) for trial in study.trials()]
    assert len(set(keys)) == len(keys), "a point was tried twice"
    return set(keys)


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_finite_space_is_tried_whole_and_ends(tmp_path, name, conditional):
    """Two workers in turns; values that lead the sampler to one corner."""
    if name == "cmaes" and importlib.util.find_spec("cmaes") is None:
        pytest.skip("needs the package cmaes")
    space, when = draw_space(Random(f"{name} {conditional}"), conditional)
    study = make_study(
        tmp_path, trials=99, pruner=None, space=space, when=when, sampler=SAMPLERS[name]
    )
    size, other = study.space.size(), Study.open(study.folder)
    for number in range(size):
        worker = other if number % 2 else study
        claim = worker.claim(f"w{number % 2}")
        assert (claim.kind, claim.number) == ("trial", number)
        p = study.trials()[number].params
        train(worker, claim, float(p["kind"] == "x") + len(str(p["p"])))
    assert study.claim("w0") is None
    assert other.claim("w1") is None
    assert points_of(study) == {point_key(point) for point in study.space.grid()}
    assert states(study) == ["COMPLETE"] * size
    assert study.describe_end() == (
        f"The space is exhausted: all of its {size} points have been tried."
    )


def test_a_choice_of_three_is_tried_in_three_trials(tmp_path):
    study = make_study(tmp_path, trials=6, when={}, space={"model.latent_dim": "choice(4, 8, 16)"})
    assert len(finish_all(study)) == 3
    assert sorted(t.params["model.latent_dim"] for t in study.trials()) == [4, 8, 16]


def test_a_seed_in_the_space_repeats_the_rest(tmp_path):
    space = {"model.latent_dim": "choice(4, 8)", "seed": "choice(0, 1, 2)"}
    study = make_study(tmp_path, trials=99, when={}, space=space)
    assert len(finish_all(study)) == 6
    counted = [t.params["model.latent_dim"] for t in study.trials()]
    assert (counted.count(4), counted.count(8)) == (3, 3)


def test_what_runs_waits_is_pruned_or_failed_of_itself_counts_as_tried(tmp_path):
    study = make_study(
        tmp_path, trials=9, when={}, space={"p": "choice(a, b, c, d)"}, sampler="random"
    )
    running, waiting, pruned, failed = (study.claim(f"w{i}") for i in range(4))
    study.finish(pruned, Outcome("pruned", "by a test"))
    study.finish(failed, Outcome("failed", "the loss is nan"))
    assert isinstance(study.claim("late"), Wait), "all are taken, and one may still be lost"
    study.finish(waiting, Outcome("stopped"))
    again = study.claim("late")
    assert again.number == waiting.number
    train(study, again)
    train(study, running)
    assert study.claim("late") is None
    assert len(points_of(study)) == 4
    assert states(study) == ["COMPLETE", "COMPLETE", "PRUNED", "FAIL"]


@pytest.mark.parametrize(
    ("outcome", "trials"),
    [
        (Outcome("failed", "CUDA out of memory: it needs 9 GiB"), 2),
        (Outcome("lost", "killed by signal 9"), 2),
        (Outcome("failed", "the loss is nan"), 1),
    ],
)
def test_what_failed_by_chance_is_tried_once_more(tmp_path, outcome, trials):
    """One point of two fails each time; so the other is tried once, and it ``trials`` times."""
    study = make_study(tmp_path, trials=9, retries=0, when={}, space={"p": "choice(good, bad)"})
    seen = []
    while isinstance(claim := study.claim("w"), Claim):
        point = study.trials()[claim.number].params["p"]
        seen.append(point)
        if point == "bad":
            study.finish(claim, outcome)
        else:
            train(study, claim)
    assert claim is None
    assert (seen.count("good"), seen.count("bad")) == (1, trials)


def test_asking_again_gives_other_points_and_then_the_nearest_is_taken(tmp_path, monkeypatch):
    space = {"x": "interval(0, 1)", "y": "interval(0, 1)"}
    study = make_study(tmp_path, trials=9, when={}, space=space, sampler="random")
    asked, ask = [], proposal.Proposer._ask

    def noted(proposer, trials, attributes):
        draft = ask(proposer, trials, attributes)
        if not attributes:
            asked.append(dict(draft.params))
        return draft

    monkeypatch.setattr(proposal.Proposer, "_ask", noted)
    monkeypatch.setattr(TrialHistory, "is_tried", lambda history, params: True)
    study.claim("w")
    assert len({point_key(p) for p in asked}) == len(asked) == 3
    [trial] = study.trials()
    assert trial.params == asked[-1], "nothing has been tried: the nearest is the point itself"
    assert trial.system_attrs == {}


def test_a_worker_that_dies_between_trial_and_lease_leaves_a_whole_trial(tmp_path, monkeypatch):
    study = make_study(tmp_path, trials=9, when={}, space={"p": "choice(a, b)"}, sampler="random")

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(lease, "take_lease", die)
        with pytest.raises(KeyboardInterrupt):
            study.claim("w")
    [before] = study.trials()
    assert len(before.params) == 1
    claims = finish_all(Study.open(study.folder))
    assert [claim.number for claim in claims] == [0, 1]
    assert study.trials()[0].params == before.params
    assert len(points_of(study)) == 2


def test_a_widened_space_has_new_points(tmp_path):
    study = make_study(tmp_path, trials=9, when={}, space={"p": "range(0, 3)"})
    assert len(finish_all(study)) == 3
    make_study(tmp_path, trials=9, when={}, space={"p": "range(0, 5)"})
    wider = Study.open(study.folder)
    assert len(finish_all(wider)) == 2
    assert sorted(t.params["p"] for t in wider.trials()) == [0, 1, 2, 3, 4]


def test_a_setting_more_makes_other_points(tmp_path):
    """``--force`` may add to a space: what was trained without it does not count."""
    study = make_study(tmp_path, trials=9, when={}, space={"p": "range(0, 2)"})
    assert len(finish_all(study)) == 2
    make_study(tmp_path, trials=9, when={}, space={"p": "range(0, 2)", "q": "range(0, 2)"})
    assert len(finish_all(Study.open(study.folder))) == 4


def test_what_comes_next_is_foreseen_and_not_stored(tmp_path, light):
    """The preview is what the next claim takes, where nothing has happened between."""
    study = make_study(tmp_path, trials=4)
    for _ in range(3):
        train(study, study.claim("w"), 2.0)
    first, second = study.preview(2)
    assert first != second
    assert len(study.trials()) == 3
    claim = study.claim("w")
    assert study.trials()[claim.number].params == first
