"""The verdict: which runs it takes, and what it says of them."""

import json

import numpy as np
import pytest
from helpers.studies import make_study, train
from omegaconf import OmegaConf
from scipy import stats

from vael.runs.example_scores import write_example_scores
from vael.sweep.study.confirmation import plan_confirmations, read_confirmations
from vael.sweep.study.records import Outcome
from vael.sweep.study.study import Study
from vael.sweep.study.verdict import Contender, compare_choices, reach_verdicts
from vael.sweep.study.verdict_text import verdict_lines

GRID = {
    "sampler": "grid",
    "trials": None,
    "when": {},
    "space": {
        "likelihood": "choice(gaussian, bernoulli)",
        "model.latent_dim": "choice(4, 16)",
        "objective.beta": "choice(1, 2)",
    },
    "overrides": ["logger=csv", "model=mlp_vae", "trainer.max_epochs=1"],
}
# (likelihood, latent_dim, beta) -> score in the search
SEARCHED = {
    ("gaussian", 16, 1): 2.0,  # the best of all, and of each of its choices
    ("gaussian", 16, 2): 2.1,
    ("gaussian", 4, 1): 2.2,
    ("gaussian", 4, 2): 2.3,
    ("bernoulli", 16, 1): 2.6,
    ("bernoulli", 16, 2): 2.7,
    ("bernoulli", 4, 1): 2.9,
    ("bernoulli", 4, 2): 2.5,  # the best Bernoulli
}
EXAMPLES = 12


def search(parent, **changes):
    """A study whose trials have ended, and no confirmation has begun."""
    study = make_study(parent, **{**GRID, "trials": 8, "confirm": 3, **changes})
    for _ in range(study.definition.trials):
        claim = study.claim("a")
        assert claim.kind == "trial"
        p = study.trials()[claim.number].params
        key = p["likelihood"], p["model.latent_dim"], p["objective.beta"]
        train(study, claim, SEARCHED[key])
    return study


def confirm(study, score):
    """Ends every confirmation: ``score(config)`` gives the bits of each test example."""
    while (claim := study.claim("a")) is not None:
        config = OmegaConf.load(claim.folder / "config.yaml")
        found = score(config)
        if found is None:
            study.finish(claim, Outcome("failed", "the loss is nan"))
            continue
        write_example_scores(claim.folder, {"bpd": found})
        train(study, claim, float(found.mean()))


def chosen(study):
    params = [trial.params for trial in study.trials()]
    return [
        (params[row.number]["likelihood"], params[row.number]["model.latent_dim"], seed)
        for row, seed in plan_confirmations(study, study.rows())
    ]


def test_the_best_of_each_choice_runs_on_the_same_fresh_seeds(tmp_path, light):
    study = search(tmp_path)
    assert chosen(study) == [(family, size, seed) for seed in (1, 2, 3) for family, size in PAIR]
    confirm(study, lambda config: np.full(EXAMPLES, 2.0))
    made = [(c.trial, c.seed) for c in read_confirmations(study.folder)]
    assert made == [(row.number, seed) for row, seed in plan_confirmations(study, study.rows())]
    for c in read_confirmations(study.folder):
        config = OmegaConf.load(c.folder / "config.yaml")
        trial = study.trials()[c.trial].params
        assert (config.seed, config.evaluation.test) == (c.seed, True)
        assert config.choices.likelihood == trial["likelihood"]
        assert config.model.latent_dim == trial["model.latent_dim"]


PAIR = (("gaussian", 16), ("bernoulli", 4))


def test_a_pruned_trial_may_be_the_best_of_its_choice(tmp_path, light):
    """It was behind the other choice, and ahead of its own when it was stopped."""
    study = make_study(tmp_path, **{**GRID, "trials": 8, "confirm": 3, "pruner": "median"})
    for _ in range(8):
        claim = study.claim("a")
        p = study.trials()[claim.number].params
        key = p["likelihood"], p["model.latent_dim"], p["objective.beta"]
        if key == ("bernoulli", 16, 2):
            study.report(claim, 1, 2.45)  # the best complete Bernoulli ends at 2.5
            study.finish(claim, Outcome("pruned", "by a test"))
        else:
            train(study, claim, SEARCHED[key])
    assert {(family, size) for family, size, _ in chosen(study)} == {
        ("gaussian", 16),
        ("bernoulli", 16),
    }


def test_a_run_that_serves_two_verdicts_is_planned_once(tmp_path, light):
    study = search(tmp_path, verdict=["likelihood", "model.latent_dim", "objective.beta"])
    winners = {(family, size) for family, size, _ in chosen(study)}
    # the best of 4 latents and of beta 2 is Gaussian; the rest is the same trial
    assert winners == {*PAIR, ("gaussian", 4)}
    assert len(chosen(study)) == 3 * 4, "of six choices on three seeds"


def test_seeds_are_fresh_where_the_search_varies_them(tmp_path, light):
    space = {**GRID["space"], "seed": "choice(7, 3)"}
    study = make_study(tmp_path, **{**GRID, "space": space, "trials": 16, "confirm": 3})
    for number in range(16):
        train(study, study.claim("a"), 2.0 + number)
    assert {seed for _, _, seed in chosen(study)} == {8, 9, 10}


def test_short_runs_get_five_seeds_and_long_ones_three(tmp_path, light):
    study = search(tmp_path, confirm=None)
    assert {seed for _, _, seed in chosen(study)} == {1, 2, 3, 4, 5}  # trained in 1.5 s
    for path in study.folder.glob("trials/*/summary.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "seconds": 61.0}))
    assert {seed for _, _, seed in chosen(Study.open(study.folder))} == {1, 2, 3}


def test_with_no_verdict_the_best_alone_is_confirmed(tmp_path, light):
    study = search(tmp_path, verdict=None)
    assert {(family, size) for family, size, _ in chosen(study)} == {PAIR[0]}
    assert reach_verdicts(study, study.rows()) == []


def test_the_verdict_is_the_paired_difference(tmp_path, light):
    rng = np.random.default_rng(0)
    hard = rng.normal(2, 0.5, EXAMPLES)  # an example is as hard for both
    worse = {1: 0.30, 2: 0.36, 3: 0.33}  # of Bernoulli, by seed: the same for each example
    study = search(tmp_path)

    def score(config):
        extra = worse[config.seed] if config.choices.likelihood == "bernoulli" else 0.0
        return hard + 0.1 * config.seed + extra

    [waiting] = reach_verdicts(study, study.rows())
    assert "0 of 6 runs" in waiting
    confirm(study, score)
    [found] = reach_verdicts(study, study.rows())
    assert (found.path, found.score, found.seeds) == ("likelihood", "bpd", (1, 2, 3))
    assert [c.choice for c in found.contenders] == ["gaussian", "bernoulli"]
    assert [c.trials for c in found.contenders] == [4, 4]
    for contender, trial in zip(found.contenders, (PAIR[0], PAIR[1]), strict=True):
        params = study.trials()[contender.trial].params
        assert (params["likelihood"], params["model.latent_dim"]) == trial
    low, high = stats.ttest_1samp(list(worse.values()), 0).confidence_interval(0.95)
    d = found.differences[0, 1]
    assert d.mean == pytest.approx(0.33, rel=1e-6)
    assert d.half_width == pytest.approx((high - low) / 2, rel=1e-3)
    [line] = verdict_lines(found)
    assert line == (
        f"gaussian needs 0.330 +- {d.half_width:.3f} bits/dim less than bernoulli (95 %; 3 seeds "
        f"x 12 examples; seeds {d.half_width:.3f}, examples 0.000; best found of 4 and 4 trials)"
    )


def test_a_choice_whose_runs_fail_is_left_out_and_named(tmp_path, light):
    study = search(tmp_path)
    confirm(study, lambda c: None if c.choices.likelihood == "bernoulli" else np.ones(EXAMPLES))
    [sentence] = reach_verdicts(study, study.rows())
    assert "nothing to compare: bernoulli: 3 of its 3 runs on fresh seeds failed" in sentence


def test_a_damaged_file_is_named_where_the_verdict_would_be(tmp_path, light):
    study = search(tmp_path)
    confirm(study, lambda config: np.ones(EXAMPLES))
    (study.folder / "confirm" / "0001" / "test_scores.npz").write_bytes(b"half")
    [sentence] = reach_verdicts(study, study.rows())
    assert sentence.startswith("verdict on likelihood: ")
    assert "0001/test_scores.npz is damaged" in sentence


def test_seeds_that_one_choice_lacks_are_not_used(tmp_path, light):
    study = search(tmp_path)

    def score(config):
        broken = config.choices.likelihood == "bernoulli" and config.seed == 2
        return None if broken else np.linspace(1, 2, EXAMPLES) + 0.01 * config.seed

    confirm(study, score)
    [found] = reach_verdicts(study, study.rows())
    assert found.seeds == (1, 3)
    assert found.differences[0, 1].mean == pytest.approx(0, abs=1e-7)


def compare(names, tables, score="bpd", lower=True):
    contenders = {n: Contender(n, 0, 9 - i, (0.0,)) for i, n in enumerate(names)}
    return compare_choices("likelihood", score, lower, contenders, tables, range(5))


def noise(seeds, examples, s, e, mean=0.0):
    """Scores with exactly these standard deviations of seeds and examples, and nothing else."""

    def exact(count, sd):
        x = np.linspace(-1, 1, count)
        return sd * x / x.std(ddof=1)

    return mean + exact(seeds, s)[:, None] + exact(examples, e)[None]


def test_where_the_test_data_is_too_small_more_of_it_is_asked_for():
    e = 0.1
    found = compare("ab", {"a": np.zeros((5, 180)), "b": noise(5, 180, 0.001, e, 0.002)})
    [line] = verdict_lines(found)
    least = stats.t.ppf(0.975, 179) * e / np.sqrt(180)
    assert line.startswith("no difference between a and b was found: 0.002 +- 0.015 bits/dim")
    assert line.endswith(
        f"180 examples alone cannot tell less than {least:.3f}: more test data would"
    )


def test_where_seeds_differ_more_of_them_are_counted():
    s = 0.02
    found = compare("ab", {"a": np.zeros((3, 4000)), "b": noise(3, 4000, s, 1e-5, 0.01)})
    [line] = verdict_lines(found)

    def half(n):
        return stats.t.ppf(0.975, n - 1) * s / np.sqrt(n)

    n = next(n for n in range(4, 99) if half(n) <= half(3) / 2)
    assert line.endswith(f"; {n} seeds would tell {half(n):.3f}")


def test_three_choices_have_intervals_that_hold_at_once():
    tables = {"a": np.ones((5, 50)), "b": noise(5, 50, 0.01, 0.01, 2.0), "c": np.zeros((5, 50))}
    found = compare("abc", tables)
    assert [c.choice for c in found.contenders] == ["c", "a", "b"]
    first, second, others = verdict_lines(found)
    assert first.startswith("c needs")
    assert "less than a (95 % for all 3 pairs at once" in first
    assert "less than b" in second
    assert "best found of 7 and 8 trials" in second
    assert others.startswith("between the others: a better than b (1.00")


def test_of_a_score_where_more_is_better_the_highest_is_the_best():
    tables = {"a": np.full((3, 9), -90.0), "b": np.full((3, 9), -80.0)}
    found = compare("ab", tables, "elbo", lower=False)
    assert found.contenders[0].choice == "b"
    assert found.differences[0, 1].mean == pytest.approx(10)
    [line] = verdict_lines(found)
    assert line.startswith("b has 10.0000 +- 0.0000 nats more ELBO than a")
