"""What laplace, logistic and student_t have beside the contract: means, draws, bounds, errors."""

import numpy as np
import pytest
import scipy.stats
import torch

from vael.errors import ConfigError
from vael.models.likelihoods.gaussian import NormalLaw
from vael.models.likelihoods.laplace import Laplace, LaplaceLaw
from vael.models.likelihoods.location_scale import Law
from vael.models.likelihoods.logistic import Logistic, LogisticLaw
from vael.models.likelihoods.numerics.cells import edges
from vael.models.likelihoods.student_t import StudentT, StudentTLaw

LAWS = [
    (NormalLaw(), scipy.stats.norm),
    (LaplaceLaw(), scipy.stats.laplace),
    (LogisticLaw(), scipy.stats.logistic),
]
every_law = pytest.mark.parametrize(("law", "oracle"), LAWS, ids=lambda v: getattr(v, "name", ""))


@every_law
@pytest.mark.parametrize("levels", [2, 3, 17, 18, 256])
def test_the_rounded_mean_equals_enumeration(law: Law, oracle, levels: int):
    mu = torch.cat([torch.linspace(-3, 4, 57), torch.linspace(-0.01, 0.03, 41)]).view(-1, 1)
    around_a_step = np.array([0.5, 0.74, 0.76, 0.99, 1.01, 1.5]) / (levels - 1)
    sigma = np.concatenate([np.logspace(-3, 4, 43), around_a_step])
    log_sigma = torch.tensor(sigma, dtype=torch.float32).log()
    at = (np.arange(1, levels) - 0.5) / (levels - 1)
    z = (at[:, None, None] - mu.double().numpy()) / log_sigma.double().exp().numpy()
    ours = law.rounded_mean(mu, log_sigma, levels).double()
    np.testing.assert_allclose(ours, oracle.sf(z).mean(0), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("law", "oracle"),
    [*LAWS, (StudentTLaw(2.5), scipy.stats.t(2.5))],
    ids=lambda v: getattr(v, "name", ""),
)
def test_the_quantile_equals_scipy(law: Law, oracle):
    noise = torch.tensor([2.0**-26, 1e-5, 0.02, 0.3, 0.5, 0.7, 0.999, 1 - 2.0**-24])
    wanted = oracle.ppf(noise.double().numpy())
    np.testing.assert_allclose(law.quantile(noise), wanted, rtol=2e-6, atol=1e-7)
    np.testing.assert_allclose(law.quantile(noise.double()), wanted, rtol=1e-9, atol=1e-12)


@every_law
@pytest.mark.parametrize("shape", [(), (6,), (3, 4, 6)])
def test_the_gradient_is_summed_over_broadcast_dimensions(law: Law, oracle, shape: tuple[int]):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(4, 6, generator=generator).double().mul(16).round() / 16
    mu = torch.rand(3, 4, 6, generator=generator).double().requires_grad_()
    log_sigma = torch.full(shape, -1.0, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda m, s: law.log_cell(x, m, s, 17), (mu, log_sigma))


@every_law
def test_nan_in_the_location_stays_nan(law: Law, oracle):
    value = law.log_cell(torch.zeros(2), torch.tensor([0.2, float("nan")]), torch.tensor(-1.0), 17)
    assert value.isnan().tolist() == [False, True]


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_neighbours_share_an_edge_to_the_bit_and_the_ends_are_open(levels: int):
    lower, upper, inner = edges(torch.arange(levels) / (levels - 1), levels)
    assert torch.equal(lower[1:], upper[:-1])
    wanted = (np.arange(1, levels) - 0.5) / (levels - 1)
    np.testing.assert_allclose(lower[1:], wanted, rtol=1e-7)
    assert lower[0] < -1e29
    assert upper[-1] > 1e29
    assert inner.tolist() == [0.0, *[1.0] * (levels - 2), 0.0]


@pytest.mark.parametrize("family", [Laplace, Logistic, StudentT])
@pytest.mark.parametrize("scale", ["shared", "per_dim", "predicted"])
def test_the_scales_are_bounded_like_a_gaussians(family, scale: str):
    levels = None if family is StudentT else 256
    likelihood = family((2, 3), levels, scale=scale)
    theta = torch.zeros(1, 5, *likelihood.theta_shape)
    assert likelihood.at_bound(likelihood(theta)) == 0
    with torch.no_grad():
        for parameter in likelihood.parameters():
            parameter.fill_(-1e3)
        theta[:, :, 1:] = -1e3
    px = likelihood(theta)
    bound = torch.tensor(1e-3 if levels is None else 0.5 / 255)
    torch.testing.assert_close(px.log_sigma.exp().amin(), bound, rtol=1e-5, atol=0)
    assert likelihood.at_bound(px) == 1


@pytest.mark.parametrize("levels", [2, 256])
def test_student_t_refuses_levels(levels: int):
    with pytest.raises(ConfigError, match=rf"student_t is for data without levels.*{levels} lev"):
        StudentT((2,), levels)


@pytest.mark.parametrize("df", [1, 0.0, -3, float("nan"), float("inf"), True, "few", None])
def test_a_bad_df_is_refused(df: object):
    with pytest.raises(ConfigError, match=r"likelihood\.df must be a finite number above 1.*got"):
        StudentT((2,), None, df=df)


def test_many_degrees_of_freedom_are_a_gaussian():
    t = torch.linspace(-4, 4, 9).double()
    ours = StudentTLaw(1e7).log_density(t, torch.zeros(1).double())
    np.testing.assert_allclose(ours, scipy.stats.norm.logpdf(t), rtol=0, atol=1e-5)
