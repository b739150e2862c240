"""Each choice of a verdict gets its trials: a sampler that hates one is made to try it."""

import math

import optuna
import pytest
from helpers.studies import make_study, train

from vael.sweep.study import samplers
from vael.sweep.study.records import Outcome

LIKELIHOOD = {"likelihood": "choice(gaussian, bernoulli)", "objective.beta": "interval(1, 2)"}


class Biased(optuna.samplers.RandomSampler):
    """Always chooses the first of several things."""

    def sample_independent(self, study, trial, name, distribution):
        if isinstance(distribution, optuna.distributions.CategoricalDistribution):
            return distribution.choices[0]
        return super().sample_independent(study, trial, name, distribution)


@pytest.fixture
def biased(monkeypatch, light):
    monkeypatch.setattr(samplers, "make_sampler", lambda name, seed, number, *_: Biased(number))


def run(study, end):
    """Ends every claim as ``end`` says; the parameters of the trials, in order."""
    while (claim := study.claim("w")) is not None and claim.kind == "trial":
        end(study, claim)
    return [trial.params for trial in study.trials()]


def complete(study, claim):
    train(study, claim, 2.0)


@pytest.mark.parametrize("trials", [2, 7, 12])
def test_a_choice_that_is_never_chosen_gets_a_third_of_its_fair_share_at_the_end(
    tmp_path, biased, trials
):
    found = run(
        make_study(tmp_path, trials=trials, confirm=3, space=LIKELIHOOD, when={}), complete
    )
    least = math.ceil(trials / 2 / 3)
    assert len(found) == trials, "the budget stays as it is"
    families = [params["likelihood"] for params in found]
    assert families == ["gaussian"] * (trials - least) + ["bernoulli"] * least


def test_without_a_verdict_the_sampler_is_free(tmp_path, biased):
    study = make_study(tmp_path, trials=7, confirm=3, space=LIKELIHOOD, when={}, verdict=None)
    assert {params["likelihood"] for params in run(study, complete)} == {"gaussian"}


def test_a_conditional_choice_comes_with_what_it_depends_on(tmp_path, biased):
    study = make_study(
        tmp_path,
        trials=12,
        confirm=3,
        verdict="likelihood.scale",
        space={"likelihood": "choice(bernoulli, gaussian)"},
        when={"likelihood=gaussian": {"likelihood.scale": "choice(shared, predicted)"}},
    )
    found = run(study, complete)
    scales = [params.get("likelihood.scale") for params in found]
    # half of the trials are fairly gaussian, a quarter has each scale; trial 0 is the default
    assert scales.count("shared") == 1
    assert scales.count("predicted") == 1
    assert {p["likelihood"] for p in found if "likelihood.scale" in p} == {"gaussian"}


def test_a_choice_that_always_fails_takes_no_more_than_its_share(tmp_path, biased):
    study = make_study(tmp_path, trials=12, confirm=3, space=LIKELIHOOD, when={})

    def end(study, claim):
        if study.trials()[claim.number].params["likelihood"] == "bernoulli":
            study.finish(claim, Outcome("failed", "the loss is nan"))
        else:
            complete(study, claim)

    families = [params["likelihood"] for params in run(study, end)]
    assert families.count("bernoulli") == 2
