"""AUROC, its standard error and average precision, against scikit-learn and closed forms."""

import math

import numpy as np
import pytest
import torch
from oracles.exact_vae import exact_vae
from oracles.linear_gaussian import LinearGaussian
from scipy.stats import f, norm
from sklearn.metrics import average_precision_score, roc_auc_score

from vael.metrics.detection import count_scores, measure_detection
from vael.metrics.evidence import weigh
from vael.models.posteriors.full_normal import FullNormal

RNG = np.random.default_rng(0)
PAIRS = {
    "apart": (RNG.normal(size=300), RNG.normal(1, 2, size=170)),
    "ties": (RNG.integers(0, 5, 200).astype(float), RNG.integers(1, 7, 90).astype(float)),
    "few": (np.array([1.0, 2.0]), np.array([1.5])),
    "all tied": (np.ones(7), np.ones(4)),
    "infinite": (np.array([0.0, 1.0, 2.0]), np.array([np.inf, 1.5, np.inf])),
    "likelier": (RNG.normal(size=100), RNG.normal(-3, 1, size=100)),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_it_is_scikit_learns(pair):
    own, other = PAIRS[pair]
    found = measure_detection(own, other)
    truth = np.r_[np.zeros(len(own)), np.ones(len(other))]
    scores = np.minimum(np.r_[own, other], 1e30)  # scikit-learn takes no infinity
    assert found.auroc == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)
    known = average_precision_score(truth, scores)
    assert found.average_precision == pytest.approx(known, abs=1e-12)


def test_the_same_examples_are_told_apart_by_nothing():
    found = measure_detection(PAIRS["apart"][0], PAIRS["apart"][0])
    assert found.auroc == 0.5


def test_a_score_that_is_no_number_is_the_highest():
    found = measure_detection(np.array([0.0, 1.0]), np.array([np.nan, 5.0]))
    assert found.auroc == 1


def test_the_standard_error_is_the_spread_over_draws():
    # two normals d apart: Phi(d / sqrt 2); 400 draws know a standard deviation to 3.5 %, 5 of them
    # are 18 %
    rng, d = np.random.default_rng(1), 0.8
    found = [measure_detection(rng.normal(size=60), rng.normal(d, 1, size=40)) for _ in range(400)]
    values = np.array([each.auroc for each in found])
    spread = values.std(ddof=1)
    assert abs(values.mean() - norm.cdf(d / math.sqrt(2))) < 5 * spread / 20
    assert np.mean([each.auroc_se for each in found]) == pytest.approx(spread, rel=0.18)
    assert math.isnan(measure_detection(np.zeros(3), np.ones(1)).auroc_se)


def test_a_linear_world_knows_its_auroc():
    """x ~ N(0, C) against s x: -log p(x) grows with x^T C^-1 x, chi^2 of D degrees of freedom.

    So the AUROC is P(s^2 A > B) of two such, an F distribution; 5 standard errors: 6e-7.
    """
    world, s, count = LinearGaussian.draw(5, 2), 1.3, 1500
    vae = exact_vae(world, FullNormal)
    x = world.sample(2 * count)
    own, other = x[:count], world.b + s * (x[count:] - world.b)

    def score(rows):
        def noise(_, shape):
            return torch.randn(len(rows), *shape, dtype=torch.float64)

        torch.manual_seed(0)
        with torch.no_grad():
            scored = weigh(vae, torch.from_numpy(rows), noise, 1, None)
        return -scored.evidence.iwae.numpy()

    scores = score(own), score(other)
    np.testing.assert_allclose(scores[0], -world.log_evidence(own), rtol=1e-9)
    found = measure_detection(*scores)
    assert abs(found.auroc - f.sf(1 / s**2, 5, 5)) < 5 * found.auroc_se
    assert found.auroc_se < 0.02


def test_the_histograms_count_all():
    own, other = np.r_[RNG.normal(size=500), 1e9, np.nan], RNG.normal(2, 1, size=300)
    found = count_scores(own, other)
    assert (sum(found.own), sum(found.other)) == (502, 300)
    inside = (own >= found.edges[3]) & (own < found.edges[4])
    assert found.own[3] == inside.sum()
    assert sum(count_scores(np.ones(3), np.ones(2)).other) == 2
