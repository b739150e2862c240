"""A series of configs: composed in parts, they are what Hydra composes whole."""

import pytest

from vael.config.compose import compose_config, compose_words
from vael.config.series import ConfigSeries
from vael.errors import ConfigError

SERIES = [
    ["data=digits", "likelihood=gaussian", "objective.beta=2", "sweep.trial=0"],
    ["data=digits", "likelihood=gaussian", "objective.beta=0.5", "sweep.trial=1"],
    ["data=digits", "likelihood=bernoulli", "objective.beta=0.5", "model.latent_dim=3"],
    ["data=digits", "objective.beta=0.5", "likelihood=gaussian", "likelihood.fit=density"],
    ["data=digits", "likelihood=gaussian", "objective.beta=1", "objective.beta=3"],
    ["data=digits", "objective/schedule=linear", "objective.beta=1.5", "seed=3"],
    ["model=mlp_vae", "model.encoder.hidden=[8,16]", "trainer.gradient_clip_val=null", "name=a"],
    ["model=mlp_vae", "model.encoder.hidden=[8]", "trainer.gradient_clip_val=1.0", "name=b"],
    ["optimizer.lr=1e-2", "+callbacks.extra.mine={_target_: a.B}", "optimizer.lr=1e-3"],
    ["++optimizer.eps=1e-3", "optimizer.lr=2e-3", "~optimizer.eps", "optimizer.lr=3e-3"],
    ["trainer.max_epochs=3", "name='a, b'", "data.path='x y.npz'", "data=array"],
]


def test_a_series_is_what_hydra_composes_whatever_came_before():
    series = ConfigSeries()
    for words in [*SERIES, *reversed(SERIES)]:
        assert compose_config(words, series) == compose_config(words), words


def test_what_is_shared_is_composed_once(monkeypatch):
    asked = []

    def count(words):
        asked.append(words)
        return compose_words(words)

    monkeypatch.setattr("vael.config.series.compose_words", count)
    series = ConfigSeries()
    for beta in (1, 2, 3):
        for likelihood in ("gaussian", "bernoulli"):
            compose_config([f"likelihood={likelihood}", f"objective.beta={beta}"], series)
    assert asked == [["likelihood=gaussian"], ["likelihood=bernoulli"]]


def test_a_config_that_was_given_out_is_the_owners():
    series = ConfigSeries()
    first = compose_config(["model.latent_dim=3"], series)
    first.model.latent_dim = 99
    assert compose_config(["objective.beta=2"], series) == compose_config(["objective.beta=2"])


@pytest.mark.parametrize(
    "words", [["objective.bta=2"], ["model.latent_dim.x=2"], ["likelihood=gausian"]]
)
def test_an_override_that_cannot_be_is_told_as_hydra_would_have_it(words):
    with pytest.raises(ConfigError) as whole:
        compose_config(words)
    with pytest.raises(ConfigError) as parts:
        compose_config(words, ConfigSeries())
    assert str(parts.value) == str(whole.value)
