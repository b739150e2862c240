"""A conditional run from its training to what is done with it."""

import json

import numpy as np
import pytest
import torch
from helpers.runs import trained_run
from scipy.special import logsumexp
from sklearn.datasets import load_digits

import vael
from vael.errors import ConfigError
from vael.evaluation.evaluate import evaluate_run
from vael.evaluation.request import EvaluationRequest
from vael.runs.comparison import compare_runs


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return trained_run(tmp_path_factory.mktemp("label"), "condition=label", "trainer.max_epochs=9")


def test_the_test_scores_are_measured_again(run):
    found = evaluate_run(EvaluationRequest(run, samples=5))
    summary = json.loads((run / "summary.json").read_text())
    assert found["bounds"]["5"]["bpd"] == pytest.approx(summary["metrics"]["test/bpd"], rel=1e-6)
    assert found["comparable"]["condition"] == "label"
    assert any("own prior p(z|c)" in warning for warning in found["warnings"])


def test_a_run_that_is_told_nothing_is_not_compared_with_it(run, tmp_path):
    other = trained_run(tmp_path, "trainer.max_epochs=1", "report=false")
    with pytest.raises(vael.VaelError, match="condition is label for"):
        compare_runs([run, other])


def test_the_class_under_which_a_digit_is_likeliest_is_mostly_its_own(run):
    """Of ten classes chance finds 10 %; of 200 digits more than 60 is 1e-14 by chance."""
    digits = load_digits()
    x, y = digits.images[:200] / 16, digits.target[:200]
    model = vael.load(run)
    scores = np.stack([model.log_prob(x, 5, label=k).numpy() for k in range(10)])
    assert (scores.argmax(0) == y).sum() > 60
    of_own = model.log_prob(x, 5, label=y).numpy()
    np.testing.assert_allclose(of_own, scores[y, np.arange(200)])
    assert (logsumexp(scores, 0) >= of_own).all()


def test_a_sample_of_a_class_is_what_its_decoder_makes_of_the_moved_noise(run):
    model = vael.load(run)
    made = model.sample(3, label=7)
    each = model.sample(3, label=[7, 2, 7])
    assert torch.equal(made[[0, 2]], each[[0, 2]])
    assert not torch.equal(made[1], each[1])
    p = model.prior(label=7)
    assert p.mean.shape == (1, 4)
    mu = model.encode(load_digits().images[:2] / 16, label=7).mu
    torch.testing.assert_close(model.decode(mu, label=[7, 2])[0], model.decode(mu[0], label=7)[0])
    with pytest.raises(ConfigError, match="tell it a class"):
        model.sample(3)
