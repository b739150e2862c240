"""Flows as posteriors: exact where a normal is, by autograd and integration elsewhere."""

import numpy as np
import pytest
import torch
from helpers.stats import assert_mean
from oracles.exact_vae import linear_vae
from oracles.flows import set_affine, shake
from oracles.linear_gaussian import LinearGaussian
from scipy.stats import multivariate_normal

from vael.errors import ConfigError
from vael.models.posteriors import IAFPosterior, Normal, SplinePosterior
from vael.models.posteriors.normal import NormalRecord
from vael.models.priors import StandardNormal, VampPrior
from vael.objectives import BetaTC, Bound, Capacity, Constant, Elbo, FreeBits, Geco

KINDS = {"iaf": IAFPosterior, "spline": SplinePosterior}
kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
EXACT = {"rtol": 1e-9, "atol": 1e-10}
WORLD = LinearGaussian.draw(6, 3)
X = WORLD.sample(5)


def noise(*shape, seed=1):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def drawn(kind, d, lead=(3,), size=1.0, **options):
    """The record of a posterior whose parameters and theta are drawn, float64."""
    family = kind((d,), **options).double()
    shake(family.flow, size)
    return family(0.5 * noise(*lead, *family.theta_shape, seed=2))


def exact_vae(cov_factor=1.0, shift=0.0):
    """A VAE of the world whose flow is N(A x + shift, cov_factor cov): the posterior at (1, 0)."""
    A, cov = WORLD.posterior_map()
    L = np.linalg.cholesky(cov_factor * cov)
    family = IAFPosterior((3,), transforms=1, hidden=[], context=0)
    scale = np.log(np.diag(L))
    vae = linear_vae(WORLD, family, A, shift - A @ WORLD.b, scale)
    set_affine(family.flow, L / np.diag(L)[:, None], np.zeros(3))
    return vae


@kinds
@pytest.mark.parametrize("d", [1, 3])
def test_it_starts_as_the_normal_of_the_encoder(kind, d):
    family = kind((d,), context=5).double()
    theta = noise(4, 2 * d + 5)
    q, normal = family(theta), NormalRecord(theta[:, :d], theta[:, d : 2 * d])
    eps = 3 * noise(6, 4, d, seed=3)  # some beyond the box of the splines
    z, log_q = q.rsample_and_log_prob(eps)
    torch.testing.assert_close(z, normal.rsample(eps), rtol=1e-6, atol=2e-6)
    torch.testing.assert_close(log_q, normal.log_prob(z), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(q.mean, normal.mean, rtol=1e-6, atol=1e-6)
    assert tuple(family.theta_shape) == (2 * d + 5,)


def test_an_affine_flow_reaches_the_posterior_of_full_covariance_and_the_bound_the_evidence():
    trace = exact_vae()(torch.from_numpy(X), (noise(7, 5, 3),))
    want = np.broadcast_to(WORLD.log_evidence(X), (7, 5))
    np.testing.assert_allclose(trace.log_w().detach(), want, rtol=1e-10)
    np.testing.assert_allclose((trace.log_px - trace.rate).detach(), want, rtol=1e-10)
    A, _ = WORLD.posterior_map()
    mean = trace.latents[0].q.mean.detach()
    np.testing.assert_allclose(mean, (X - WORLD.b) @ A.T, rtol=1e-9, atol=1e-12)


def trained_gap(family):
    """How far the bound is below the evidence before and after training, by example, nats.

    The mean of a quadratic over the corners of a cube is that over the normal, and log p(x, z) is
    quadratic in the noise for every map that is affine: the ELBO is known, and so is its gradient.
    """
    vae = linear_vae(WORLD, family, np.zeros((3, 6)), np.zeros(3), np.zeros(3))
    corners = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0]).double()] * 3)
    eps = corners[:, None].expand(-1, len(X), -1)
    learned = list(vae.latents.parameters())
    optimizer = torch.optim.LBFGS(learned, max_iter=200, line_search_fn="strong_wolfe")

    def bound():
        trace = vae(torch.from_numpy(X), (eps,))
        return (trace.log_px - trace.rate).mean(0)

    def step():
        optimizer.zero_grad()
        loss = -bound().mean()
        loss.backward()
        return loss

    before = WORLD.log_evidence(X) - bound().detach().numpy()
    optimizer.step(step)
    return before, WORLD.log_evidence(X) - bound().detach().numpy()


def test_an_affine_flow_is_trained_to_a_gap_of_0_where_a_diagonal_normal_keeps_its_own():
    """That of the best diagonal normal is half the log det of the correlation of the precision."""
    before, flow = trained_gap(IAFPosterior((3,), transforms=1, hidden=[], context=0))
    assert before.min() > 1
    np.testing.assert_allclose(flow, 0, atol=1e-6)
    _, cov = WORLD.posterior_map()
    precision = np.linalg.inv(cov)
    left = 0.5 * (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1])
    assert left > 0.05
    np.testing.assert_allclose(trained_gap(Normal((3,)))[1], left, atol=1e-6)


def test_a_wrong_flow_has_the_elbo_and_the_rate_of_its_normal_in_the_mean():
    vae = exact_vae(1.5, 0.3)
    trace = vae(torch.from_numpy(X), (noise(20_000, 5, 3),))
    A, cov = WORLD.posterior_map()
    mean = (X - WORLD.b) @ A.T + 0.3
    assert_mean(trace.rate.detach().numpy(), WORLD.kl(mean, 1.5 * cov))
    elbo = (trace.log_px - trace.rate).detach().numpy()
    assert_mean(elbo, WORLD.elbo(X, mean, 1.5 * cov))


@kinds
@pytest.mark.parametrize("d", [1, 4])
@pytest.mark.parametrize("options", [{}, {"hidden": [], "context": 0}], ids=["net", "affine"])
def test_the_density_is_that_of_the_noise_less_the_log_determinant_by_autograd(kind, d, options):
    q, eps = drawn(kind, d, lead=(1,), **options), noise(3, 1, d)
    z, log_q = q.rsample_and_log_prob(eps)
    draw = q.rsample
    jacobians = torch.stack(
        [torch.autograd.functional.jacobian(draw, e[None]).reshape(d, d) for e in eps]
    )
    want = multivariate_normal(np.zeros(d)).logpdf(eps.numpy().reshape(3, d)).reshape(3, 1)
    want = torch.from_numpy(want) - torch.linalg.slogdet(jacobians).logabsdet[:, None]
    torch.testing.assert_close(log_q, want, **EXACT)
    torch.testing.assert_close(q.log_prob(z), want, **EXACT)  # by the inverse


@kinds
def test_the_density_integrates_to_1(kind):
    q = drawn(kind, 2, lead=(1,), size=0.4, hidden=[16])
    side = torch.linspace(-12, 12, 401, dtype=torch.float64)
    grid = torch.cartesian_prod(side, side)
    with torch.no_grad():
        mass = q.log_prob(grid[:, None]).exp() * (side[1] - side[0]) ** 2
    assert float(mass.sum()) == pytest.approx(1, abs=1e-3)
    assert float(mass.max()) < 0.01  # the grid is fine enough to see it


@kinds
def test_the_mean_is_near_that_of_many_draws(kind):
    q = drawn(kind, 3)
    with torch.no_grad():
        z = q.rsample(noise(20_000, 3, 3))
        assert float(((q.mean - z.mean(0)) / z.std(0)).abs().max()) < 0.15


@kinds
def test_examples_do_not_mix_and_a_draw_is_the_same_beside_others(kind):
    q, eps = drawn(kind, 3), noise(4, 3, 3)
    one = type(q)(q.mu[1:2], q.log_sigma[1:2], q.context[1:2], q.flow)
    torch.testing.assert_close(one.rsample(eps[:, 1:2]), q.rsample(eps)[:, 1:2], **EXACT)
    torch.testing.assert_close(one.mean, q.mean[1:2], **EXACT)


@kinds
def test_a_step_takes_one_pass_of_the_nets_and_everything_learns(kind):
    family = kind((3,), transforms=1, hidden=[8], context=4).double()
    shake(family.flow)
    vae = linear_vae(WORLD, family, np.zeros((3, 6)), np.zeros(3), np.zeros(7))
    torch.nn.init.normal_(vae.latents.posterior.net.linear.weight)
    calls = []
    family.flow.steps[0].hyper.register_forward_hook(lambda *_: calls.append(1))
    trace = vae(torch.from_numpy(X), (noise(4, 5, 3),))
    loss = Elbo(1.0, Constant())(trace, 0, 1.0).value
    (trace.log_w().sum() + loss).backward()
    assert len(calls) == 1
    for name, parameter in vae.latents.named_parameters():
        assert float(parameter.grad.abs().max()) > 0, name


@pytest.mark.parametrize("options", [{"k": 4}, {"k": 2, "m": 2}, {"k": 3, "alpha": 0.4}], ids=str)
def test_a_bound_and_its_gradient_are_those_of_the_textbook(options):
    vae, objective = exact_vae(1.5, 0.3), Bound(**options)
    k, m, alpha = options["k"], options.get("m", 1), options.get("alpha", 0.0)
    trace = vae(torch.from_numpy(X), (noise(k * m, 5, 3),))
    w = trace.log_w().reshape(m, k, -1)
    want = -(((1 - alpha) * w).exp().mean(1).log() / (1 - alpha)).mean()
    got = objective(trace, 0, 1.0).value
    torch.testing.assert_close(got, want)
    learned = list(vae.parameters())
    for ours, theirs in zip(
        torch.autograd.grad(got, learned, retain_graph=True),
        torch.autograd.grad(want, learned),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


REFUSED = {
    "stl": (Bound(k=2, gradient="stl"), r"gradient=stl needs log q\(z\|x\) of a given z"),
    "dreg": (Bound(k=2, gradient="dreg"), "gradient=dreg .* use objective.gradient=plain"),
    "piwae": (Bound(k=1, m=2, gradient="piwae"), "gradient=piwae needs"),
    "beta_tc": (BetaTC(9), "beta_tc needs the density of each dimension .* posterior=normal"),
    "free_bits": (FreeBits(1.0, Constant()), r"group=1 needs .* use objective\.group=null"),
}


@pytest.mark.parametrize(("objective", "message"), REFUSED.values(), ids=REFUSED)
def test_objectives_that_need_more_of_a_density_are_refused(objective, message):
    trace = exact_vae()(torch.from_numpy(X), (noise(2, 5, 3),))
    with pytest.raises(ConfigError, match=message) as caught:
        objective(trace, 0, 1.0)
    assert "\n" not in str(caught.value)


FINE = [FreeBits(1.0, Constant(), group=None), Capacity(3.0, 10.0, Constant()), Geco(0.1, 0.01)]


@pytest.mark.parametrize("objective", FINE, ids=lambda each: type(each).__name__)
def test_objectives_of_the_whole_rate_are_fine(objective):
    trace = exact_vae()(torch.from_numpy(X), (noise(1, 5, 3),))
    assert bool(objective.double()(trace, 0, 1.0).value.isfinite())


def test_a_mixture_of_flows_is_refused_as_a_prior():
    vae = exact_vae()
    vae.latents.prior = VampPrior((3,), (6,), 4).double()
    with pytest.raises(ConfigError, match=r"prior=vamp needs .* use prior=mixture"):
        vae(torch.from_numpy(X), (noise(1, 5, 3),))


@kinds
def test_there_is_no_closed_form(kind):
    q, p = drawn(kind, 3), StandardNormal((3,)).double()(encode=None)
    assert q.kl(p) is None
    assert q.factors(p) is None
    assert q.sigma is None
    assert not q.quick_log_prob


@kinds
def test_a_precision_of_a_step_rounds_no_density(kind):
    family = kind((3,))
    shake(family.flow)
    q, eps = family(noise(2, *family.theta_shape).float()), noise(5, 2, 3).float()
    plain = q.rsample_and_log_prob(eps)
    with torch.autocast("cpu", torch.bfloat16):
        for cast, exact in zip(q.rsample_and_log_prob(eps), plain, strict=True):
            assert torch.equal(cast, exact)


@kinds
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"transforms": 0}, r"posterior\.transforms must be an integer >= 1, but got 0\."),
        ({"hidden": [0]}, r"posterior\.hidden must be an integer >= 1, but got 0\."),
        ({"context": -1}, r"posterior\.context must be an integer >= 0, but got -1\."),
        ({"event_shape": (2, 3)}, r"needs a latent that is a vector \(d,\), but .* \(2, 3\)"),
    ],
)
def test_options_out_of_range_are_refused_by_name(kind, options, message):
    with pytest.raises(ConfigError, match=message):
        kind(**{"event_shape": (2,), **options})


def test_a_spline_of_one_piece_is_refused():
    with pytest.raises(ConfigError, match=r"posterior\.bins must be an integer >= 2, but got 1"):
        SplinePosterior((2,), bins=1)
