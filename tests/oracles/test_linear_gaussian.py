import numpy as np
import pytest
from helpers.stats import assert_mean
from oracles.linear_gaussian import LinearGaussian
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

WORLD = LinearGaussian.draw(6, 3)


def test_evidence_integrates_the_joint():
    world = LinearGaussian.draw(3, 1)
    x = world.sample(1)

    def joint(z):
        return norm.pdf(z) * norm.pdf(x[0], world.W[:, 0] * z + world.b, world.sigma).prod()

    np.testing.assert_allclose(quad(joint, -9, 9)[0], np.exp(world.log_evidence(x)[0]), rtol=1e-8)


def test_posterior_obeys_bayes_rule_at_any_z():
    x = WORLD.sample(4)
    A, cov = WORLD.posterior_map()
    z = np.random.default_rng(5).normal(size=3)
    for row, evidence in zip(x, WORLD.log_evidence(x), strict=True):
        log_px = norm.logpdf(row, WORLD.W @ z + WORLD.b, WORLD.sigma).sum()
        log_post = multivariate_normal(A @ (row - WORLD.b), cov).logpdf(z)
        assert log_px + norm.logpdf(z).sum() - log_post == pytest.approx(evidence, rel=1e-12)


def test_elbo_is_evidence_at_the_posterior_and_below_it_elsewhere():
    x = WORLD.sample(5)
    A, cov = WORLD.posterior_map()
    mean = (x - WORLD.b) @ A.T
    np.testing.assert_allclose(WORLD.elbo(x, mean, cov), WORLD.log_evidence(x), rtol=1e-12)
    assert (WORLD.elbo(x, mean + 0.1, cov) < WORLD.log_evidence(x)).all()
    assert (WORLD.elbo(x, mean, 1.1 * cov) < WORLD.log_evidence(x)).all()


def test_elbo_is_the_mean_of_what_it_claims_to_average():
    x = WORLD.sample(1)
    rng = np.random.default_rng(2)
    mean, factor = rng.normal(size=3), np.tril(rng.uniform(0.2, 0.6, size=(3, 3)))
    cov = factor @ factor.T
    z = mean + rng.normal(size=(20_000, 3)) @ factor.T
    log_px = norm.logpdf(x, z @ WORLD.W.T + WORLD.b, WORLD.sigma).sum(-1)
    log_ratio = norm.logpdf(z).sum(-1) - multivariate_normal(mean, cov).logpdf(z)
    assert_mean(log_px + log_ratio, WORLD.elbo(x, mean[None], cov)[0])


def test_orthogonal_columns_make_the_posterior_diagonal():
    _, cov = LinearGaussian.draw(7, 4, orthogonal=True).posterior_map()
    np.testing.assert_allclose(cov, np.diag(np.diag(cov)), atol=1e-15)
