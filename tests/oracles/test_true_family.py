"""Data from a known decoder of each family: its own score beats each other one's by their KL."""

import functools
import itertools

import pytest
import torch
from helpers.stats import z_test
from oracles.families import FAMILIES, World

LEVELS = 17
DRAWS = 100_000
SAME = {"bernoulli", "continuous_bernoulli"}  # over levels: one family, two parameters
PAIRS = list(itertools.permutations(FAMILIES, 2))


def contained(name, other):
    """Whether every law of the first family is one of the other's."""
    return (
        other == "categorical"
        or {name, other} == SAME
        or (name, other) == ("logistic", "logistic_mixture")
    )


@functools.cache
def best(name, other):
    truth = World.draw(name, LEVELS)
    return truth, World.draw(other, LEVELS).imitate(truth)


@functools.cache
def scored_draws(name):
    truth = World.draw(name, LEVELS)
    x = truth.sample(DRAWS)
    return x, truth.log_mass(x)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_enumerated_law_is_a_law_and_the_draws_follow_it(name):
    truth = World.draw(name, LEVELS)
    p = truth.log_table().exp()
    torch.testing.assert_close(p.sum(-1), torch.ones(6, dtype=torch.float64), rtol=0, atol=1e-9)
    log_p = truth.log_table()
    entropy = -(p * log_p).sum(-1)
    variance = (p * log_p**2).sum(-1) - entropy**2
    _, scores = scored_draws(name)
    z_test(scores.numpy(), -float(entropy.sum()), float(variance.sum()))


@pytest.mark.parametrize(("name", "other"), [p for p in PAIRS if not contained(*p)])
def test_the_truth_beats_another_family_by_the_kl_between_them(name, other):
    truth, wrong = best(name, other)
    log_p, log_q = truth.log_table(), wrong.log_table()
    gain = log_p - log_q
    kl = (log_p.exp() * gain).sum(-1)
    variance = (log_p.exp() * gain**2).sum(-1) - kl**2
    x, scores = scored_draws(name)
    won = scores - wrong.log_mass(x)
    standard_error = float((variance.sum() / DRAWS).sqrt())
    assert float(kl.sum()) > 6 * standard_error  # else the line below would be luck
    assert float(won.mean()) > 0
    z_test(won.numpy(), float(kl.sum()), float(variance.sum()))


@pytest.mark.parametrize(("name", "other"), [p for p in PAIRS if contained(*p)])
def test_a_family_that_contains_the_truth_scores_the_same(name, other):
    _, wrong = best(name, other)
    x, scores = scored_draws(name)
    won = scores - wrong.log_mass(x)
    # the best parameters are at a limit (both components in one place): not to the last digit
    assert abs(float(won.mean())) < 2e-3
