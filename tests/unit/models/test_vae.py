import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from helpers.stats import assert_mean
from oracles.exact_vae import exact_vae, full_theta, linear_vae, normal_theta
from oracles.linear_gaussian import LinearGaussian
from torch import Tensor

from vael.models.posteriors.full_normal import FullNormal
from vael.models.posteriors.normal import Normal
from vael.models.priors.base import Prior
from vael.models.trace import Trace
from vael.models.vae import VAE

D, LATENT = 6, 3
KINDS = {
    "normal": (Normal, LinearGaussian.draw(D, LATENT, orthogonal=True)),
    "full_normal": (FullNormal, LinearGaussian.draw(D, LATENT)),
}
worlds = pytest.mark.parametrize(("kind", "world"), KINDS.values(), ids=KINDS)


def noise(samples: int, batch: int, seed: int = 0) -> tuple[Tensor]:
    g = torch.Generator().manual_seed(seed)
    return (torch.randn(samples, batch, LATENT, dtype=torch.float64, generator=g),)


def inexact(kind, world) -> tuple[VAE, np.ndarray, np.ndarray, np.ndarray]:
    """A VAE whose q(z|x) = N(A x + shift, cov) is wrong on purpose, with A, shift and cov."""
    A, cov = world.posterior_map()
    shift = 0.5 * np.sqrt(np.diag(cov)) - A @ world.b
    A, cov = 1.05 * A, 1.5 * cov
    theta = (normal_theta if kind is Normal else full_theta)(cov)
    return linear_vae(world, kind((LATENT,)), A, shift, theta), A, shift, cov


@worlds
def test_with_the_exact_posterior_every_sample_weighs_the_evidence(kind, world):
    x = world.sample(5)
    trace = exact_vae(world, kind)(torch.from_numpy(x), noise(7, 5))
    want = np.broadcast_to(world.log_evidence(x), (7, 5))
    np.testing.assert_allclose(trace.log_w().detach(), want, rtol=1e-10)


@worlds
def test_rate_is_the_closed_form_kl(kind, world):
    x = world.sample(5)
    vae, A, shift, cov = inexact(kind, world)
    trace = vae(torch.from_numpy(x), noise(2, 5))
    want = np.broadcast_to(world.kl(x @ A.T + shift, cov), (2, 5))
    np.testing.assert_allclose(trace.rate.detach(), want, rtol=1e-10)


@worlds
def test_elbo_is_the_closed_form(kind, world):
    # log p(x|z) is quadratic in the noise, and the 2d points +-sqrt(d) e_i average a quadratic
    # exactly as the normal distribution does: no Monte Carlo error is left.
    x = world.sample(5)
    vae, A, shift, cov = inexact(kind, world)
    points = math.sqrt(LATENT) * torch.cat([torch.eye(LATENT), -torch.eye(LATENT)]).double()
    trace = vae(torch.from_numpy(x), (points.unsqueeze(1).expand(-1, 5, -1),))
    elbo = (trace.log_px - trace.rate).mean(0).detach()
    np.testing.assert_allclose(elbo, world.elbo(x, x @ A.T + shift, cov), rtol=1e-10)
    assert (elbo.numpy() < world.log_evidence(x)).all()


@worlds
def test_analytic_rate_is_the_mean_of_log_q_less_log_p(kind, world):
    vae, *_ = inexact(kind, world)
    trace = vae(torch.from_numpy(world.sample(3)), noise(20_000, 3))
    (layer,) = trace.latents
    assert_mean((layer.log_q - layer.log_p).detach().numpy(), trace.rate[0].detach().numpy())


@worlds
def test_importance_weights_average_to_the_evidence(kind, world):
    x = world.sample(3)
    vae, *_ = inexact(kind, world)
    log_ratio = vae(torch.from_numpy(x), noise(20_000, 3)).log_w().detach().numpy()
    assert_mean(np.exp(log_ratio - world.log_evidence(x)), 1.0)


@worlds
def test_iwae_rises_with_k_to_the_evidence(kind, world):
    # Burda et al. 2016, theorem 1. With nested groups of the same samples it holds exactly.
    x = world.sample(4)
    vae, *_ = inexact(kind, world)
    log_w = vae(torch.from_numpy(x), noise(4096, 4)).log_w().detach()
    bounds = torch.stack(
        [(log_w.reshape(-1, k, 4).logsumexp(1) - math.log(k)).mean(0) for k in (1, 4, 64, 4096)]
    )
    assert (bounds.diff(dim=0) > 0).all()
    evidence = torch.from_numpy(world.log_evidence(x))
    relative = (log_w - evidence).exp().std(0) / math.sqrt(4096)
    assert ((bounds[-1] - evidence).abs() < 5.5 * relative).all()  # 5.5 sigma: 4e-8 per row
    assert ((evidence - bounds[0]) > 20 * relative).all()


@worlds
def test_posterior_equal_to_prior_has_no_rate(kind, world):
    vae = linear_vae(
        world,
        kind((LATENT,)),
        np.zeros((LATENT, D)),
        np.zeros(LATENT),
        np.zeros(math.prod(kind((LATENT,)).theta_shape) - LATENT),
    )
    trace = vae(torch.from_numpy(world.sample(4)), noise(3, 4))
    assert torch.equal(trace.rate, torch.zeros(3, 4).double())
    torch.testing.assert_close(trace.log_w(), trace.log_px, rtol=1e-12, atol=0)


@worlds
def test_samples_and_examples_do_not_mix(kind, world):
    vae, *_ = inexact(kind, world)
    x, (eps,) = torch.from_numpy(world.sample(5)), noise(4, 5)
    whole = vae(x, (eps,))
    for s in range(4):
        for b in range(5):
            part = vae(x[b : b + 1], (eps[s : s + 1, b : b + 1],))
            for name in ("log_px", "rate"):
                torch.testing.assert_close(getattr(whole, name)[s, b], getattr(part, name)[0, 0])
            torch.testing.assert_close(whole.log_w()[s, b], part.log_w()[0, 0])
            torch.testing.assert_close(whole.px.mean[s, b], part.px.mean[0, 0])


@worlds
def test_encode_decode_sample_reconstruct(kind, world):
    vae = exact_vae(world, kind)
    x = world.sample(4)
    A, _ = world.posterior_map()
    mean = (x - world.b) @ A.T
    np.testing.assert_allclose(vae.encode(torch.from_numpy(x)).mean.detach(), mean, rtol=1e-10)
    image = mean @ world.W.T + world.b
    np.testing.assert_allclose(vae.reconstruct(torch.from_numpy(x)).detach(), image, rtol=1e-10)
    (eps,) = noise(2, 3)
    assert vae.noise_shapes == ((LATENT,),)
    np.testing.assert_allclose(
        vae.sample((eps,)).mean.detach(), eps.numpy() @ world.W.T + world.b, rtol=1e-10
    )
    for lead in ((), (3,), (2, 3)):
        z = torch.ones(*lead, LATENT, dtype=torch.float64)
        assert vae.decode(z).mean.shape == (*lead, D)


@worlds
def test_every_parameter_gets_the_gradient_of_the_evidence(kind, world):
    # At the exact posterior KL(q || p(z|x)) is at its minimum, so the gradient of -ELBO in the
    # encoder vanishes, and in the decoder it is that of the evidence.
    vae = exact_vae(world, kind)
    x = torch.from_numpy(world.sample(4))
    points = math.sqrt(LATENT) * torch.cat([torch.eye(LATENT), -torch.eye(LATENT)]).double()
    trace = vae(x, (points.unsqueeze(1).expand(-1, 4, -1),))
    (trace.log_px - trace.rate).mean(0).sum().backward()
    for parameter in vae.latents.parameters():
        torch.testing.assert_close(parameter.grad, torch.zeros_like(parameter), rtol=0, atol=1e-9)
    W = torch.from_numpy(world.W).requires_grad_()
    cov = W @ W.T + world.sigma**2 * torch.eye(D).double()
    evidence = torch.distributions.MultivariateNormal(torch.from_numpy(world.b), cov).log_prob(x)
    evidence.sum().backward()
    torch.testing.assert_close(vae.likelihood.net.linear.weight.grad, W.grad, rtol=1e-8, atol=1e-9)


def test_noise_for_another_batch_is_refused():
    kind, world = KINDS["normal"]
    vae, x = exact_vae(world, kind), torch.from_numpy(world.sample(5))
    for batch in (1, 4):
        with pytest.raises(AssertionError, match=f"noise for {batch} examples, got 5"):
            vae(x, noise(2, batch))
    with pytest.raises(AssertionError, match="noise must be"):
        vae(x, (torch.zeros(2, 5, LATENT + 1).double(),))


def test_checkpoint_holds_the_encoder_once_and_no_prior():
    kind, world = KINDS["full_normal"]
    assert set(exact_vae(world, kind).state_dict()) == {
        f"{part}.net.linear.{name}"
        for part in ("latents.posterior", "likelihood")
        for name in ("weight", "bias")
    }


@dataclass(frozen=True, eq=False)
class MixtureRecord:
    """Two standard normals, at -1 and 1 on every axis: no KL in closed form."""

    mean: Tensor

    def log_prob(self, z: Tensor) -> Tensor:
        normal = torch.distributions.Normal(0.0, 1.0)
        parts = [normal.log_prob(z - at).sum(-1) for at in (-1.0, 1.0)]
        return torch.logaddexp(*parts) - math.log(2)

    def rsample(self, eps: Tensor) -> Tensor:
        raise NotImplementedError


class Mixture(Prior):
    def forward(self, encode, context=None) -> MixtureRecord:
        self.seen = encode
        return MixtureRecord(torch.zeros(self.event_shape))


def test_rate_is_estimated_where_there_is_no_closed_form():
    kind, world = KINDS["full_normal"]
    vae = exact_vae(world, kind)
    vae.latents.prior = Mixture((LATENT,))
    trace: Trace = vae(torch.from_numpy(world.sample(3)), noise(4, 3))
    (layer,) = trace.latents
    assert torch.equal(trace.rate, layer.log_q - layer.log_p)
    assert torch.equal(trace.log_w(), trace.log_px - trace.rate)
    assert vae.latents.prior.seen is vae.latents.posterior
