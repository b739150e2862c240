"""In linear-Gaussian worlds the aggregate posterior is a normal distribution of known moments."""

import math

import numpy as np
import pytest
import torch
from helpers.stats import FAILURE_RATE
from oracles.linear_gaussian import LinearGaussian
from scipy.special import logsumexp
from scipy.stats import laplace, multivariate_normal, norm
from scipy.stats import t as student

from vael.metrics import aggregate_posterior as module
from vael.metrics import pairwise
from vael.metrics.aggregate_posterior import measure_aggregate
from vael.models.posteriors.full_normal import FullNormalRecord
from vael.models.posteriors.laplace import UnitLaplace
from vael.models.posteriors.location_scale import LocationScaleRecord
from vael.models.posteriors.normal import NormalRecord
from vael.models.posteriors.student_t import UnitStudentT
from vael.models.priors.mixture_record import LatentMixtureRecord
from vael.models.trace import map_tensors

BOUND = norm.isf(FAILURE_RATE / 2)  # standard errors


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def prior(d):
    return NormalRecord(torch.zeros(d).double(), torch.zeros(d).double())


def normal(mean, sigma):
    mean = torch.as_tensor(mean).double()
    return NormalRecord(mean, torch.as_tensor(sigma).double().log().expand_as(mean))


def full(mean, cov):
    factor = torch.linalg.cholesky(torch.as_tensor(cov).double())
    mean = torch.as_tensor(mean).double()
    shape = (*mean.shape, mean.shape[1])
    lower = factor.tril(-1).expand(shape)
    return FullNormalRecord(mean, factor.diagonal().log().expand_as(mean), lower)


def make(kind, mean, cov):
    return full(mean, cov) if kind == "full" else normal(mean, np.sqrt(np.diag(cov)))


def rate_of(q):
    return float(q.kl(prior(q.mu.shape[1])).mean())


@pytest.mark.parametrize("kind", ["normal", "full"])
@pytest.mark.parametrize(("shift", "stretch"), [(0.0, 1.0), (0.5, 1.4)])
def test_a_linear_gaussian_world_has_its_closed_forms(kind, shift, stretch):
    """The posterior mean is shifted and stretched: z ~ N(shift, stretch^2 M + C) is known."""
    world = LinearGaussian.draw(4, 2, sigma=1.5, seed=3, orthogonal=kind == "normal")
    x = world.sample(4000)
    A, cov = world.posterior_map()
    mean = stretch * (x - world.b) @ A.T + shift
    whole = cov + stretch**2 * A @ (world.W @ world.W.T + world.sigma**2 * np.eye(4)) @ A.T
    information = 0.5 * (np.linalg.slogdet(whole)[1] - np.linalg.slogdet(cov)[1])
    if stretch == 1:  # then q is p(z|x), and what it says of x is what x says of z
        direct = 0.5 * np.linalg.slogdet(np.eye(2) + world.W.T @ world.W / world.sigma**2)[1]
        assert information == pytest.approx(direct, rel=1e-10)
    found = measure_aggregate(make(kind, mean, cov), prior(2), generator())
    kl = float(world.kl(np.full((1, 2), shift), whole)[0])
    assert abs(found.mutual_information - information) < BOUND * found.mutual_information_se
    assert abs(found.marginal_kl - kl) < BOUND * found.marginal_kl_se + 0.005  # of order 1 / N
    correlation = 0.5 * (np.log(np.diag(whole)).sum() - np.linalg.slogdet(whole)[1])
    slack = BOUND * found.total_correlation_se + 0.005
    assert abs(found.total_correlation - correlation) < slack
    assert abs(found.dimension_wise_kl - (kl - correlation)) < BOUND * found.marginal_kl_se + slack
    assert correlation > 0.003 or kind == "normal" or stretch == 1
    assert 0.002 < found.mutual_information_se < 0.02
    assert not found.saturated
    assert (found.examples, found.samples) == (4000, 2)


@pytest.mark.parametrize("kind", ["normal", "full"])
def test_the_parts_sum_to_the_rate_and_that_is_the_rate(kind):
    rng = np.random.default_rng(1)
    q = make(kind, rng.normal(size=(500, 3)), np.diag([0.5, 0.3, 1.5]) + 0.1)
    found = measure_aggregate(q, prior(3), generator())
    assert found.mutual_information + found.marginal_kl == pytest.approx(found.rate, rel=1e-12)
    draws = found.samples * found.examples
    assert found.rate == pytest.approx(rate_of(q), abs=BOUND * math.sqrt(4 / draws))


RECORDS = {
    "normal": lambda mu, sigma: normal(mu, sigma),
    "full": lambda mu, sigma: full(mu, np.diag(sigma**2) + 0.1 * (1 - np.eye(len(sigma)))),
    "laplace": lambda mu, sigma: located(mu, sigma, UnitLaplace()),
    "student_t": lambda mu, sigma: located(mu, sigma, UnitStudentT(5.0)),
}
SCIPYS = {
    "normal": lambda sigma: norm(scale=sigma),
    "full": lambda sigma: norm(scale=sigma),
    "laplace": lambda sigma: laplace(scale=sigma / math.sqrt(2)),
    "student_t": lambda sigma: student(5, scale=sigma * math.sqrt(3 / 5)),
}


def located(mu, sigma, law):
    log_sigma = torch.as_tensor(sigma).log().expand(mu.shape)
    return LocationScaleRecord(torch.as_tensor(mu), log_sigma, law)


@pytest.mark.parametrize("kind", RECORDS)
def test_every_part_is_scipys(kind, monkeypatch):
    """A handful of examples, every density by scipy."""
    rng = np.random.default_rng(3)
    mu, sigma = rng.normal(size=(5, 3)), np.array([0.4, 0.7, 1.1])
    q = RECORDS[kind](mu, sigma)
    drawn = torch.randn(16, 5, 3, dtype=torch.float64, generator=generator())
    z = q.rsample(drawn).numpy()
    shifts = z[:, :, None] - mu  # (S, N, N, d)
    single = SCIPYS[kind](sigma).logpdf(shifts)
    cov = np.diag(sigma**2) + 0.1 * (1 - np.eye(3))
    joint = multivariate_normal(np.zeros(3), cov).logpdf(shifts) if kind == "full" else (
        single.sum(-1)
    )  # fmt: skip
    log_q = logsumexp(joint, axis=2) - math.log(5)
    product = (logsumexp(single, axis=2) - math.log(5)).sum(-1)
    log_p = norm.logpdf(z).sum(-1)
    own = joint[:, np.arange(5), np.arange(5)]
    for block in (1, 20, module.BLOCK):  # the memory at hand changes nothing
        monkeypatch.setattr(module, "BLOCK", block)
        found = measure_aggregate(q, prior(3), generator())
        assert found.mutual_information == pytest.approx((own - log_q).mean(), rel=1e-7)
        assert found.total_correlation == pytest.approx((log_q - product).mean(), rel=1e-7)
        assert found.dimension_wise_kl == pytest.approx((product - log_p).mean(), rel=1e-7)
        assert found.rate == pytest.approx((own - log_p).mean(), rel=1e-7)
    by_example = (log_q - product).mean(0)
    assert found.total_correlation_se == pytest.approx(by_example.std(ddof=1) / math.sqrt(5))


def test_dimensions_that_each_tell_all_examples_apart_repeat_one_another():
    """sum_j I(z_j; n) - I(z; n) is then (d - 1) log N, the ceiling of the total correlation."""
    mean = torch.arange(50).double()[:, None].expand(50, 3) * 100
    found = measure_aggregate(normal(mean, 1.0), prior(3), generator())
    assert found.total_correlation == pytest.approx(2 * math.log(50), rel=1e-10)


def test_a_code_of_one_dimension_has_no_total_correlation():
    q = normal(torch.randn(300, 1, generator=generator()), 0.5)
    found = measure_aggregate(q, prior(1), generator())
    assert found.total_correlation == pytest.approx(0, abs=1e-12)
    assert found.dimension_wise_kl == pytest.approx(found.marginal_kl, rel=1e-9)


def test_the_total_correlation_of_too_many_examples_is_that_of_a_part(monkeypatch):
    mixed = torch.randn(400, 2, dtype=torch.float64, generator=generator()) @ torch.tensor(
        [[1.0, 0.8], [0.0, 0.6]], dtype=torch.float64
    )
    whole = measure_aggregate(normal(mixed, 0.5), prior(2), generator())
    monkeypatch.setattr(module, "DENSITIES", 400 * 2 * 100)  # 100 of the 6,400 draws
    part = measure_aggregate(normal(mixed, 0.5), prior(2), generator())
    assert part.mutual_information == whole.mutual_information
    assert abs(part.total_correlation - whole.total_correlation) > 0
    assert (
        abs(part.total_correlation - whole.total_correlation) < BOUND * part.total_correlation_se
    )
    assert part.total_correlation_se > 2 * whole.total_correlation_se


@pytest.mark.parametrize("kind", ["normal", "full"])
def test_a_mixture_as_prior_has_no_marginals_of_its_own(kind):
    """In single precision, as a trained VampPrior comes; one component is the normal itself."""
    q = make(
        kind, np.random.default_rng(0).normal(size=(200, 2)), np.array([[1.0, 0.3], [0.3, 1.0]])
    )
    single = map_tensors(torch.Tensor.float, make(kind, np.zeros((1, 2)), np.eye(2)))
    p = LatentMixtureRecord(single, torch.zeros(1))
    found = measure_aggregate(q, p, generator())
    plain = measure_aggregate(q, prior(2), generator())
    assert found.dimension_wise_kl is None
    assert found.marginal_kl == pytest.approx(plain.marginal_kl, rel=1e-5)
    assert found.total_correlation == plain.total_correlation


@pytest.mark.parametrize("kind", ["normal", "full"])
def test_the_mixture_is_scipys(kind, monkeypatch):
    rng = np.random.default_rng(2)
    means = rng.normal(size=(6, 3)) + 20  # off the origin
    mix = rng.normal(size=(3, 3))
    cov = mix @ mix.T + 0.1 * np.eye(3)
    cov = cov if kind == "full" else np.diag(np.diag(cov))
    q = make(kind, means, cov)
    z = torch.from_numpy(rng.normal(size=(2, 6, 3)) * 2 + 20)
    log_q = np.stack([multivariate_normal(m, cov).logpdf(z.numpy()) for m in means])
    expected = logsumexp(log_q, axis=0) - math.log(6)
    for block, floats in ((1, 1), (20, 20), (module.BLOCK, pairwise.FLOATS)):
        monkeypatch.setattr(module, "BLOCK", block)  # the memory at hand changes nothing
        monkeypatch.setattr(pairwise, "FLOATS", floats)
        np.testing.assert_allclose(module._log_mixture(q, z, q.log_prob(z)), expected, rtol=1e-9)


def test_examples_far_apart_have_all_the_information_there_can_be():
    mean = torch.arange(50).double()[:, None].expand(50, 2) * 100
    found = measure_aggregate(normal(mean, 1.0), prior(2), generator())
    assert found.mutual_information == pytest.approx(math.log(50), rel=1e-12)
    assert found.log_examples == pytest.approx(math.log(50), rel=1e-12)
    assert found.saturated


def test_very_narrow_posteriors_are_no_difficulty():
    """Here the quadratic form of a pair cancels all its digits; the z's own term must not."""
    mean = torch.randn(200, 2, dtype=torch.float64, generator=generator()) * 1e3
    found = measure_aggregate(normal(mean, 1e-6), prior(2), generator(1))
    assert found.mutual_information == pytest.approx(math.log(200), rel=1e-9)


def test_posteriors_that_ignore_x_say_nothing_of_it():
    q = normal(torch.zeros(300, 4), 1.0)
    found = measure_aggregate(q, prior(4), generator())
    assert found.mutual_information == pytest.approx(0, abs=1e-12)
    assert found.marginal_kl == pytest.approx(0, abs=1e-12)
    assert not found.saturated


def test_a_collapse_away_from_the_prior_is_all_marginal_kl():
    q = normal(torch.full((2000, 1), 2.0), 1.0)
    found = measure_aggregate(q, prior(1), generator())
    assert found.mutual_information == pytest.approx(0, abs=1e-12)
    assert abs(found.marginal_kl - 2.0) < BOUND * found.marginal_kl_se  # |mu|^2 / 2


def test_saturation_is_said_within_one_nat_of_the_ceiling():
    """Pairs of equal examples: I is log(N / 2), 0.7 nats below the ceiling; of four, 1.4."""
    for together, saturated in ((2, True), (4, False)):
        mean = (torch.arange(64) // together).double()[:, None] * 100
        found = measure_aggregate(normal(mean, 1.0), prior(1), generator())
        expected = math.log(64 / together)
        assert found.mutual_information == pytest.approx(expected, rel=1e-10)
        assert found.saturated == saturated


@pytest.mark.parametrize("kind", ["normal", "full"])
def test_more_examples_than_can_be_paired_are_thinned_evenly(kind, monkeypatch):
    monkeypatch.setattr(module, "MOST_EXAMPLES", 11)
    mean = torch.zeros(101, 1).double()
    mean[::10] = torch.arange(11).double()[:, None] * 100
    found = measure_aggregate(make(kind, mean, np.eye(1)), prior(1), generator())
    assert found.examples == 11
    assert found.mutual_information == pytest.approx(math.log(11), rel=1e-12)


def test_the_budget_counts_the_cost_of_a_pair():
    assert pairwise.num_features(normal(torch.zeros(2, 20), 1.0)) == 40
    assert pairwise.num_features(full(torch.zeros(2, 20), np.eye(20))) == 230
    assert pairwise.affordable_count(50_000, 40, most=10_000, multiplications=2.5e10) == 10_000
    assert pairwise.affordable_count(50_000, 1000, most=10_000, multiplications=2.5e10) == 5000
    assert pairwise.affordable_count(70, 1000, most=10_000, multiplications=2.5e10) == 70


def test_single_precision_records_are_scored_in_double():
    q = normal(torch.randn(100, 2, generator=generator()), 0.1)
    single = NormalRecord(q.mu.float(), q.log_sigma.float())
    p = NormalRecord(torch.zeros(2), torch.zeros(2))
    found = measure_aggregate(single, p, generator(1))
    exact = measure_aggregate(q, prior(2), generator(1))
    assert found.mutual_information == pytest.approx(exact.mutual_information, rel=1e-5)
    assert found.marginal_kl == pytest.approx(exact.marginal_kl, rel=1e-5)


def test_the_same_noise_gives_the_same_numbers():
    q = normal(torch.randn(100, 2, generator=generator()), 0.3)
    assert measure_aggregate(q, prior(2), generator(1)) == measure_aggregate(
        q, prior(2), generator(1)
    )
    assert measure_aggregate(q, prior(2), generator(1)) != measure_aggregate(
        q, prior(2), generator(2)
    )
