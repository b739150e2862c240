"""Counts, categories in columns, and families by column."""

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from helpers.stats import chi2_test

from vael.errors import ConfigError
from vael.models.likelihoods.counts import NegativeBinomial, Poisson
from vael.models.likelihoods.gaussian import Gaussian
from vael.models.likelihoods.mixed import Mixed
from vael.models.likelihoods.one_hot import OneHot
from vael.models.likelihoods.student_t import StudentT

S, B = 3, 4
FAMILIES = (  # a category between other columns, and each family twice but one
    *(("gaussian", "a"), ("categorical", "kind"), ("poisson", "n"), ("categorical", "kind")),
    *(("bernoulli", "yes"), ("categorical", "kind"), ("negative_binomial", "m")),
    *(("gaussian", "b"), ("student_t", "c"), ("poisson", "k")),
)


def theta(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def draws(count=B, seed=1):
    rng = np.random.default_rng(seed)
    kind = np.eye(3)[rng.integers(0, 3, count)]
    n, k, m = rng.poisson(3, count), rng.poisson(1, count), rng.poisson(20, count)
    a, b, c = rng.normal(size=(3, count))
    yes = rng.integers(0, 2, count)
    columns = (a, kind[:, 0], n, kind[:, 1], yes, kind[:, 2], m, b, c, k)
    return torch.from_numpy(np.stack(columns, 1).astype(np.float64))


def test_poisson_is_scipys():
    px = Poisson((5,))(theta(S, B, 1, 5))
    x = torch.from_numpy(np.random.default_rng(0).poisson(2, (B, 5)).astype(float))
    wanted = scipy.stats.poisson.logpmf(x.numpy(), px.mean.numpy()).sum(-1)
    torch.testing.assert_close(px.log_prob(x).numpy(), wanted, rtol=1e-11, atol=0)


def test_negative_binomial_is_scipys_with_its_mean_and_variance():
    px = NegativeBinomial((5,))(theta(S, B, 2, 5))
    x = torch.from_numpy(np.random.default_rng(0).poisson(4, (B, 5)).astype(float))
    size, mean = px.log_size.exp().numpy(), px.mean.numpy()
    law = scipy.stats.nbinom(size, size / (size + mean))
    torch.testing.assert_close(
        px.log_prob(x).numpy(), law.logpmf(x.numpy()).sum(-1), rtol=1e-10, atol=0
    )
    np.testing.assert_allclose(law.mean(), mean, rtol=1e-10)
    np.testing.assert_allclose(law.var(), mean + mean**2 / size, rtol=1e-10)


@pytest.mark.parametrize("family", [Poisson, NegativeBinomial])
def test_draws_of_counts_follow_their_masses(family):
    likelihood = family((1,))
    px = likelihood(theta(1, 1, likelihood.num_params, 1).expand(20_000, 1, -1, -1))
    noise = torch.rand(20_000, 1, 1, generator=torch.Generator().manual_seed(0)).double()
    drawn = px.sample(noise).flatten().numpy().astype(int)
    one = likelihood(theta(1, 1, likelihood.num_params, 1))
    grid = torch.arange(400).double()[:, None, None]
    masses = torch.cat([one.log_prob(k).exp().flatten() for k in grid]).numpy()
    assert masses.sum() == pytest.approx(1, abs=1e-9)
    chi2_test(np.bincount(drawn, minlength=400), masses)


@pytest.mark.parametrize("family", [Poisson, NegativeBinomial])
def test_large_counts_and_far_parameters_have_finite_slopes(family):
    likelihood = family((4,))
    given = torch.full((1, 1, likelihood.num_params, 4), 50.0).requires_grad_()
    px = likelihood(given * torch.tensor([1.0, -1.0, 0.1, -0.1]))
    value = px.log_prob(torch.tensor([[0.0, 1e5, 3.0, 1e4]]))
    (slope,) = torch.autograd.grad(value.sum(), given)
    assert torch.isfinite(value).all()
    assert torch.isfinite(slope).all()


def test_a_category_in_columns_is_the_softmax_of_the_one_that_is_1():
    px = OneHot((3,))(theta(S, B, 1, 3))
    kind = np.array([0, 2, 1, 2])
    wanted = scipy.special.log_softmax(px.logits.numpy(), -1)[:, np.arange(B), kind]
    found = px.log_prob(torch.from_numpy(np.eye(3)[kind]))
    torch.testing.assert_close(found.numpy(), wanted, rtol=1e-11, atol=0)
    many = OneHot((3,))(theta(1, 1, 1, 3).expand(20_000, 1, 1, 3))
    noise = torch.rand(20_000, 1, 3, generator=torch.Generator().manual_seed(0)).double()
    drawn = many.sample(noise)
    assert (drawn.sum(-1) == 1).all()
    counts = drawn.sum((0, 1)).numpy()
    chi2_test(counts, many.mean[0, 0].numpy())


@pytest.mark.parametrize("scale", ["fixed", "shared", "per_dim", "predicted"])
@pytest.mark.parametrize("family", ["gaussian", "student_t"])
def test_mixed_with_one_family_is_that_family_to_the_bit(family, scale):
    names = tuple((family, name) for name in "abcde")
    mixed = Mixed((5,), None, names, scale=scale, sigma=0.4)
    plain = {"gaussian": Gaussian, "student_t": StudentT}[family]((5,), None, scale, 0.4)
    given, x = theta(S, B, *plain.theta_shape).float(), theta(B, 5, seed=2).float()
    px, own = mixed(given.flatten(2)), plain(given)
    assert torch.equal(mixed.log_likelihood(px, x), plain.log_likelihood(own, x))
    assert torch.equal(px.mean, own.mean)
    noise = torch.rand(S, B, 5)
    assert torch.equal(px.sample(noise), own.sample(noise))
    assert torch.equal(mixed.at_bound(px), plain.at_bound(own))


def test_every_column_counts_once_in_its_own_family():
    mixed = Mixed((10,), None, FAMILIES, scale="predicted").double()
    px, x = mixed(theta(S, B, *mixed.theta_shape)), draws()
    gauss, kind, poisson, yes, size, student = px.parts
    columns = x.numpy()
    wanted = [
        scipy.stats.norm.logpdf(columns[:, [0, 7]], gauss.mu, gauss.log_sigma.exp()),
        scipy.special.log_softmax(kind.logits, -1) * columns[:, [1, 3, 5]],
        scipy.stats.poisson.logpmf(columns[:, [2, 9]], poisson.mean),
        scipy.stats.bernoulli.logpmf(columns[:, [4]], torch.sigmoid(yes.logits)),
        scipy.stats.nbinom.logpmf(
            columns[:, [6]], size.log_size.exp(), 1 / (1 + size.mean / size.log_size.exp())
        ),
        scipy.stats.t.logpdf(columns[:, [8]], 4.0, student.mu, student.log_sigma.exp()),
    ]
    total = sum(part.sum(-1) for part in wanted)
    torch.testing.assert_close(px.log_prob(x).numpy(), total, rtol=1e-9, atol=0)
    for at, (part, place) in {0: (gauss, 0), 7: (gauss, 1), 3: (kind, 1), 9: (poisson, 1)}.items():
        assert torch.equal(px.mean[..., at], part.mean[..., place])
    assert px.sample(torch.rand(S, B, 10)).shape == (S, B, 10)
    assert torch.equal(mixed.show(x)[:, [2, 6, 9]], x[:, [2, 6, 9]].log1p())
    assert torch.equal(mixed.show(x)[:, [0, 1, 4, 8]], x[:, [0, 1, 4, 8]])


def test_a_mask_leaves_columns_out():
    mixed = Mixed((10,), None, FAMILIES).double()
    px, x = mixed(theta(S, B, *mixed.theta_shape)), draws()
    mask = torch.ones(B, 10, dtype=torch.bool)
    assert torch.equal(px.log_prob(x, mask), px.log_prob(x))
    mask[:, [1, 3, 5]] = False  # the category
    without = px.log_prob(x) - px.parts[1].log_prob(x[:, [1, 3, 5]])
    torch.testing.assert_close(px.log_prob(x, mask), without)
    hidden = px.log_prob(torch.where(mask, x, 0), mask)
    assert torch.equal(hidden, px.log_prob(x, mask))


def test_counts_begin_at_their_mean_in_training_and_are_shown_standardised():
    mixed = Mixed((10,), None, FAMILIES).double()
    x, hidden = draws(500), torch.rand(500, 10, generator=torch.Generator().manual_seed(3)) < 0.2
    seen = torch.where(hidden, torch.nan, x)
    mixed.initialise(seen)
    px = mixed(torch.zeros(1, 1, *mixed.theta_shape, dtype=torch.float64))
    counted = [2, 6, 9]
    mean = px.mean[0, 0, counted].numpy()
    np.testing.assert_allclose(mean, np.nanmean(seen.numpy()[:, counted], 0), rtol=1e-12)
    shown = torch.where(hidden, torch.nan, mixed.show(x)).numpy()[:, counted]
    np.testing.assert_allclose(np.nanmean(shown, 0), 0, atol=1e-12)
    np.testing.assert_allclose(np.nanstd(shown, 0), 1, rtol=1e-12)
    empty = Mixed((1,), None, (("poisson", "n"),))
    empty.initialise(torch.zeros(9, 1))  # never counted: below one in all examples
    assert empty(torch.zeros(1, 1, 1)).mean.item() == pytest.approx(1 / 9)
    assert torch.isfinite(empty.show(torch.zeros(9, 1))).all()


def test_mixed_is_for_tables():
    with pytest.raises(ConfigError, match="column of a table"):
        Mixed((1, 8, 8), None, ())
