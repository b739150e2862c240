"""What every likelihood keeps, row by row of cases.py."""

from dataclasses import replace

import pytest
import scipy.stats
import torch
from helpers.stats import chi2_test, z_test
from torch import Tensor
from unit.models.likelihoods.cases import CASES, EVENT, Case
from unit.models.likelihoods.masses import channel_terms

from vael.errors import ConfigError
from vael.models.likelihoods.base import Likelihood
from vael.models.likelihoods.mixture import MixtureRecord

S, B = 3, 4
# Compiling takes seconds: the rows whose graph differs.
COMPILED = (
    "gaussian-predicted-256-mass",
    "gaussian-shared-2-mass",
    "bernoulli-17-mass",
    "continuous_bernoulli-17-mass",
    "laplace-shared-17-mass",
    "logistic-predicted-256-mass",
    "logistic_mixture-17-mass",
    "categorical-17-mass",
    "beta_binomial-17-mass",
)
every_case = pytest.mark.parametrize("case", CASES, ids=str)
with_levels = pytest.mark.parametrize("case", [c for c in CASES if c.make().levels], ids=str)


def test_the_compiled_rows_exist():
    assert {c.name for c in CASES} >= set(COMPILED)


def theta_of(likelihood: Likelihood, *lead: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*lead, *likelihood.theta_shape, generator=generator)


def data_of(likelihood: Likelihood, batch: int = B) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    if likelihood.levels is None:
        return torch.rand(batch, *EVENT, generator=generator)
    last = likelihood.levels - 1
    return torch.randint(0, last + 1, (batch, *EVENT), generator=generator) / last


@every_case
def test_shapes_follow_the_contract(case: Case):
    likelihood = case.make()
    assert likelihood.theta_shape == (case.theta_shape or (case.num_params, *EVENT))
    px, x = likelihood(theta_of(likelihood, S, B)), data_of(likelihood)
    assert px.mean.shape == (S, B, *EVENT)
    assert px.sample(torch.rand(S, B, *EVENT)).shape == (S, B, *EVENT)
    assert px.log_prob(x).shape == (S, B)
    assert likelihood.log_likelihood(px, x).shape == (S, B)
    assert likelihood.at_bound(px).shape == ()
    wanted = px.log_mass(x) if likelihood.fit == "mass" else px.log_prob(x)
    assert torch.equal(likelihood.log_likelihood(px, x), wanted)


@every_case
def test_theta_of_another_shape_is_refused(case: Case):
    likelihood = case.make()
    with pytest.raises(ValueError, match=r"expects theta of shape \(\*, .*, got \(4, 2, 3, 2, "):
        likelihood(torch.zeros(4, *EVENT, case.num_params))


@every_case
def test_log_prob_equals_scipy_and_torch_distributions(case: Case):
    likelihood = case.make().double()
    px, x = likelihood(theta_of(likelihood, S, B).double()), data_of(likelihood).double()
    ours = px.log_prob(x)
    by_scipy = torch.as_tensor(case.scipy_log_prob(px, x.numpy())).flatten(2).sum(-1)
    torch.testing.assert_close(ours, by_scipy, rtol=1e-10, atol=0)
    if case.torch_oracle is not None:
        by_torch = case.torch_oracle(px).log_prob(x).flatten(2).sum(-1)
        torch.testing.assert_close(ours, by_torch, rtol=1e-10, atol=0)


@with_levels
def test_each_examples_masses_are_a_distribution(case: Case):
    likelihood = case.make().double()
    px = likelihood(3 * theta_of(likelihood, 50).double())
    total = probabilities(likelihood, px, torch.zeros(50, *EVENT).double()).sum(0)
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-12)


def per_dimension(likelihood: Likelihood, px, x: Tensor) -> Tensor:
    """The terms of log_mass: the same record, told that there are no event dimensions."""
    if isinstance(px, MixtureRecord):
        return channel_terms(px, x)
    return replace(px, event_dims=0).log_mass(x)


def probabilities(likelihood: Likelihood, px, like: Tensor) -> Tensor:
    """P(x = k) of each dimension, ``(levels, *like)``; like ``(*lead, *EVENT)``."""
    last = likelihood.levels - 1
    grid = [torch.full_like(like, k / last) for k in range(last + 1)]
    law = torch.stack([per_dimension(likelihood, px, x).exp() for x in grid]).detach()
    if isinstance(px, MixtureRecord):  # the second channel's, summed over the first one
        law[..., 1, :, :] = 0
        for first in grid:
            for k, second in enumerate(grid):
                x = torch.stack((first[..., 0, :, :], second[..., 1, :, :]), -3)
                joint = per_dimension(likelihood, px, x).sum(-3).exp().detach()
                law[k][..., 1, :, :] += joint
    return law


@with_levels
def test_log_mass_is_the_sum_over_dimensions(case: Case):
    likelihood = case.make().double()
    px, x = likelihood(theta_of(likelihood, S, B).double()), data_of(likelihood).double()
    terms = per_dimension(likelihood, px, x)
    torch.testing.assert_close(px.log_mass(x), terms.sum((-1, -2, -3)), rtol=1e-12, atol=0)


@with_levels
def test_the_mean_is_the_mean_of_the_masses(case: Case):
    likelihood = case.make()
    px = likelihood(2 * theta_of(likelihood, 20))
    if likelihood.fit == "density" and hasattr(px, "mu"):
        assert torch.equal(px.mean, px.mu)  # a density's mean is not the cells'
        return
    if likelihood.fit == "density" and case.scipy_cdf is not None:
        return  # nor this one's
    last = likelihood.levels - 1
    law = probabilities(likelihood, px, torch.zeros(20, *EVENT))
    mean = (law * (torch.arange(last + 1) / last).view(-1, 1, 1, 1, 1)).sum(0)
    exact = slice(case.exact_channels)
    torch.testing.assert_close(px.mean[:, exact], mean[:, exact], rtol=0, atol=1e-5)


@every_case
def test_samples_follow_the_law_that_is_fitted(case: Case):
    likelihood = case.make()
    n = 20_000
    px = likelihood(theta_of(likelihood, 1, 1))
    noise = torch.rand(n, 1, *EVENT, generator=torch.Generator().manual_seed(2))
    draws = px.sample(noise).detach()
    mean = px.mean.detach().expand(1, 1, *EVENT)
    if likelihood.fit == "density" and case.scipy_cdf is not None:
        cdf = case.scipy_cdf(px, draws.numpy()).reshape(n, -1)
        for column in cdf.T:
            assert scipy.stats.kstest(column, "uniform").pvalue > 1e-6
        return
    if hasattr(px, "mu") and likelihood.fit == "density":
        sigma = px.log_sigma.detach().exp().expand_as(mean)
        z_test((draws - mean) / sigma, 0, 1)
        z_test(((draws - mean) / sigma) ** 2, 1, 2)
        return
    last = likelihood.levels - 1 if likelihood.fit == "mass" else 1
    level = (draws * last).round()
    torch.testing.assert_close(level / last, draws)  # on the grid
    if likelihood.fit == "mass":
        laws = probabilities(likelihood, px, torch.zeros(1, 1, *EVENT))
    for at in ((0, 0, 0), (1, 2, 1), (0, 1, 1)):
        counts = torch.bincount(level[:, 0, *at].long(), minlength=last + 1)
        if likelihood.fit == "mass":
            law = laws[:, 0, 0, *at]
        else:
            law = torch.stack((1 - mean[0, 0, *at], mean[0, 0, *at]))
        chi2_test(counts, law)


@every_case
def test_the_extremes_of_the_noise_give_finite_samples(case: Case):
    likelihood = case.make()
    px = likelihood(60 * torch.sign(theta_of(likelihood, 1, 2)))
    for noise in (0.0, 1 - 2**-24):
        draws = px.sample(torch.full((1, 2, *EVENT), noise))
        assert draws.isfinite().all()
        if likelihood.fit == "mass":
            assert ((draws >= 0) & (draws <= 1)).all()


@every_case
def test_gradients_are_finite_at_extreme_parameters(case: Case):
    likelihood = case.make()
    for size in (0.0, 1e-8, 30.0, 60.0):
        theta = (size * torch.sign(theta_of(likelihood, S, B))).requires_grad_()
        value = likelihood.log_likelihood(likelihood(theta), data_of(likelihood))
        value.sum().backward()
        assert value.isfinite().all()
        assert theta.grad.isfinite().all()
        assert all(p.grad.isfinite().all() for p in likelihood.parameters())


@every_case
def test_autocast_and_bfloat16_parameters_keep_float32_reductions(case: Case):
    likelihood = case.make()
    theta, x = theta_of(likelihood, S, B).bfloat16(), data_of(likelihood)
    wanted = likelihood.log_likelihood(likelihood(theta.float()), x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        px = likelihood(theta)
        value = likelihood.log_likelihood(px, x)
    assert value.dtype == px.mean.dtype == torch.float32
    torch.testing.assert_close(value, wanted, rtol=1e-6, atol=0)


@every_case
def test_state_dict_goes_round(case: Case):
    one, other = case.make(), case.make()
    with torch.no_grad():
        for parameter in one.parameters():
            parameter.add_(0.3)
    other.load_state_dict(one.state_dict())
    theta, x = theta_of(one, S, B), data_of(one)
    assert torch.equal(one.log_likelihood(one(theta), x), other.log_likelihood(other(theta), x))


# The compiler instantiates autograd.Function by itself, and is warned about it.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.parametrize("case", [c for c in CASES if c.name in COMPILED], ids=str)
def test_compiles_to_one_graph(case: Case):
    likelihood = case.make()
    theta, x = theta_of(likelihood, S, B), data_of(likelihood)

    def score(theta: Tensor) -> tuple[Tensor, Tensor]:
        px = likelihood(theta)
        return likelihood.log_likelihood(px, x).sum(), px.mean.sum()

    torch._dynamo.reset()
    compiled = torch.compile(score, fullgraph=True, backend="aot_eager")
    results = []
    for function in (score, compiled):
        leaf = theta.clone().requires_grad_()
        value, _ = function(leaf)
        value.backward()
        results.append((value.detach(), leaf.grad))
    torch.testing.assert_close(results[1], results[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", [c for c in CASES if c.make().levels is None], ids=str)
def test_a_mass_without_levels_is_refused(case: Case):
    likelihood = case.make()
    with pytest.raises(ConfigError, match="needs data with levels"):
        likelihood(theta_of(likelihood, S, B)).log_mass(data_of(likelihood))
    with pytest.raises(ConfigError, match=r"likelihood\.fit=mass needs data with levels"):
        type(likelihood)(EVENT, None, fit="mass")


@every_case
def test_an_unknown_fit_is_refused(case: Case):
    with pytest.raises(ConfigError, match=r"likelihood\.fit must be one of .*'both'"):
        type(case.make())(EVENT, 17, fit="both")


@every_case
def test_auto_is_mass_exactly_where_there_are_levels(case: Case):
    family = type(case.make())
    if case.tables_only:
        with pytest.raises(ConfigError, match=r"data without levels \(tables, .*17 levels"):
            family(EVENT, 17)
        assert family(EVENT, None).fit == "density"
        return
    assert family(EVENT, 17).fit == "mass"
    if case.native:
        with pytest.raises(ConfigError, match="needs data with levels"):
            family(EVENT, None)
        with pytest.raises(ConfigError, match=r"likelihood\.fit=density"):
            family(EVENT, 17, fit="density")
        return
    assert family(EVENT, None).fit == "density"
