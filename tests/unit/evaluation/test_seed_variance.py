"""Where the randomness of a score sits: the statistics, and a study that was stopped."""

import json
import math

import numpy as np
import pytest
from helpers.runs import QUICK
from scipy import stats
from typer.testing import CliRunner

from vael.cli.main import app
from vael.errors import ConfigError
from vael.evaluation import seed_variance
from vael.evaluation.seed_variance import Spread, measure_seed_variance
from vael.randomness import STREAMS

TINY = (
    "data.limit=200",
    "data.batch_size=64",
    "model.encoder.hidden=[16]",
    "model.decoder.hidden=[16]",
    "model.latent_dim=2",
    "trainer.max_epochs=1",
    "evaluation.test_samples=2",
)


def test_the_standard_deviation_is_numpy_s_and_its_interval_scipy_s():
    values = np.random.default_rng(0).normal(3, 2, 10)
    found = Spread.of(values.tolist())
    assert found.std == pytest.approx(values.std(ddof=1), rel=1e-12)
    # scipy's confidence interval of a variance, by way of the scaled inverse chi-square
    low, high = stats.chi2(9).interval(0.95)
    assert found.low == pytest.approx(math.sqrt(9 * values.var(ddof=1) / high), rel=1e-12)
    assert found.high == pytest.approx(math.sqrt(9 * values.var(ddof=1) / low), rel=1e-12)


def test_the_interval_holds_the_truth_in_95_of_100_cases():
    draws = np.random.default_rng(1).normal(0, 1.5, (2000, 6))
    found = [Spread.of(row.tolist()) for row in draws]
    held = sum(spread.low <= 1.5 <= spread.high for spread in found)
    assert abs(held - 1900) < 4 * math.sqrt(2000 * 0.95 * 0.05)  # fails once in 16,000 seeds


def test_equal_values_have_no_spread_at_all():
    assert Spread.of([0.1] * 3).std == 0.0  # their mean in floats is not 0.1


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    return folder, measure_seed_variance(folder, TINY, 2)


def test_a_study_varies_what_it_says_and_nothing_else(done):
    folder, result = done
    spreads = result["spreads"]
    assert list(spreads) == ["none", *STREAMS, "all", "latent in the test"]
    assert spreads["none"]["std"] == 0
    assert all(spreads[name]["std"] > 0 for name in spreads if name != "none")
    for name, spread in spreads.items():
        assert len(set(spread["values"])) == (1 if name == "none" else 2), name
    assert json.loads((folder / "nondeterminism.json").read_text())["spreads"] == json.loads(
        json.dumps(spreads)
    )
    assert (folder / "nondeterminism.png").stat().st_size > 10_000
    for stream in STREAMS:
        config = (folder / stream / "01" / "config.yaml").read_text()
        assert f"seeds.{stream}=1" in config
        assert (
            config.count(": null\n")
            == (folder / "none" / "01" / "config.yaml").read_text().count(": null\n") - 1
        )
    squares = sum(spreads[stream]["std"] ** 2 for stream in STREAMS)
    assert result["root_of_sum_of_squares"] ** 2 == pytest.approx(squares, rel=1e-12)


def test_a_study_goes_on_where_it_was_stopped(done, monkeypatch):
    folder, result = done
    trained = []
    train = seed_variance.train
    monkeypatch.setattr(seed_variance, "train", lambda run: (trained.append(run), train(run)))
    lost = folder / "order" / "01" / "summary.json"
    lost.unlink()
    again = measure_seed_variance(folder, TINY, 2)
    assert trained == [lost.parent]
    assert again["spreads"] == result["spreads"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--seeds", "1"], "--seeds must be at least 2"),
        (["seeds.latent=3"], "are what is varied here"),
        (["evaluation.test=false"], "evaluation.test must be true"),
        (["logger=wandb"], "logger=csv is fixed here"),
        (["model.latent_dim=3"], "holds a run of another config"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_trained(done, options, said):
    command = ["nondeterminism", *TINY[:4], *options, "--folder", str(done[0])]
    called = CliRunner().invoke(
        app, command if "--seeds" in options else [*command, "--seeds", "2"]
    )
    assert isinstance(called.exception, ConfigError)
    assert said in str(called.exception)


def test_data_of_one_s_own_are_not_binarised_unasked():
    assert "data.binarize=stochastic" not in seed_variance._overrides(["data=sprites"])
    assert "data.binarize=stochastic" in seed_variance._overrides(QUICK[2:3])
