"""A conditional model against a conditional linear-Gaussian world, and against no condition."""

import math

import numpy as np
import pytest
import torch
from helpers.parts import flat_latents
from oracles.exact_vae import full_theta
from oracles.linear_gaussian import LinearGaussian
from scipy.stats import multivariate_normal
from torch import Tensor, nn
from torch.distributions import Categorical as Choice
from torch.distributions import Independent, MixtureSameFamily, Normal

from vael.errors import ConfigError
from vael.models.condition import LabelCondition, NumberCondition
from vael.models.conditional import Conditional
from vael.models.likelihoods.gaussian import Gaussian
from vael.models.nets.concatenated import Concatenated
from vael.models.nets.mlp import MLP, Affine
from vael.models.posteriors.full_normal import FullNormal
from vael.models.posteriors.normal import Normal as NormalPosterior
from vael.models.posteriors.normal import NormalRecord
from vael.models.priors.conditional import ConditionalPrior, carry_latent
from vael.models.priors.normal_mixture import NormalMixture
from vael.models.priors.standard_normal import StandardNormal
from vael.models.vae import VAE

D, LATENT, CLASSES = 5, 3, 4


def copy(layer: nn.Linear, weight: np.ndarray, bias: np.ndarray) -> None:
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
        layer.bias.copy_(torch.from_numpy(bias))


class World:
    """x = W z + V y + b + sigma noise, z ~ N(M y + m, diag(s^2)), y one-hot."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.plain = LinearGaussian.draw(D, LATENT, seed=1)
        self.V, self.M = rng.normal(size=(D, CLASSES)), rng.normal(size=(LATENT, CLASSES))
        self.m, self.s = rng.normal(size=LATENT), rng.uniform(0.5, 2, size=LATENT)
        self.y = rng.integers(CLASSES, size=7)
        self.x = rng.normal(size=(7, D))

    def log_evidence(self) -> np.ndarray:
        W, one_hot = self.plain.W, np.eye(CLASSES)[self.y]
        mean = one_hot @ (W @ self.M + self.V).T + W @ self.m + self.plain.b
        cov = W @ np.diag(self.s**2) @ W.T + self.plain.sigma**2 * np.eye(D)
        return np.array(
            [
                multivariate_normal(each, cov).logpdf(x)
                for each, x in zip(mean, self.x, strict=True)
            ]
        )

    def model(self, posterior_scale: float = 1.0) -> VAE:
        """q(z|x, y) is the posterior, its covariance times a factor."""
        W, b, sigma = self.plain.W, self.plain.b, self.plain.sigma
        cov = np.linalg.inv(np.diag(self.s**-2) + W.T @ W / sigma**2)
        A = cov @ W.T / sigma**2
        of_label = cov @ np.diag(self.s**-2) @ self.M - A @ self.V
        shift = cov @ (self.m / self.s**2) - A @ b
        posterior = FullNormal((LATENT,))
        shape = full_theta(posterior_scale * cov)
        encoder = Affine((D + CLASSES,), posterior.theta_shape).double()
        rows = np.concatenate([np.concatenate([A, of_label], 1), np.zeros((len(shape), 9))])
        copy(encoder.linear, rows, np.concatenate([shift, shape]))
        family = Gaussian((D,), None, scale="fixed", sigma=sigma)
        decoder = Affine((LATENT + CLASSES,), family.theta_shape).double()
        copy(decoder.linear, np.concatenate([W, self.V], 1), b)
        prior = ConditionalPrior(StandardNormal((LATENT,)), CLASSES).double()
        moves = np.concatenate([self.M, np.zeros((LATENT, CLASSES))])
        copy(prior.net, moves, np.concatenate([self.m, np.log(self.s)]))
        latents = flat_latents(posterior, Concatenated(encoder), prior, (D,))
        px = Conditional(Concatenated(decoder), family, (LATENT,))
        vae = VAE(latents, px, LabelCondition(CLASSES)).double()
        family.scale.log_sigma.fill_(math.log(sigma))
        return vae

    @property
    def told(self) -> Tensor:
        return torch.from_numpy(self.y).double()[:, None]


def noise(samples: int, batch: int, *shape: int) -> tuple[Tensor]:
    g = torch.Generator().manual_seed(3)
    return (torch.randn(samples, batch, *shape, dtype=torch.float64, generator=g),)


def test_with_the_exact_posterior_every_sample_weighs_the_evidence_given_c():
    world, x = World(), torch.from_numpy(World().x)
    vae = world.model()
    trace = vae(x, noise(6, 7, LATENT), context=vae.context(world.told))
    want = np.broadcast_to(world.log_evidence(), (6, 7))
    np.testing.assert_allclose(trace.log_w().detach(), want, rtol=1e-10)


def test_the_elbo_is_the_evidence_less_the_kl_to_the_exact_posterior():
    """KL(N(m, f C) || N(m, C)) = d (f - 1 - log f) / 2; 2d points average a quadratic exactly."""
    world, factor = World(), 1.7
    vae = world.model(posterior_scale=factor)
    axes = torch.eye(LATENT, dtype=torch.float64)
    points = math.sqrt(LATENT) * torch.cat([axes, -axes])
    eps = points[:, None].expand(-1, 7, -1)
    trace = vae(torch.from_numpy(world.x), (eps,), context=vae.context(world.told))
    elbo = (trace.log_px - trace.rate).mean(0).detach()
    gap = LATENT * (factor - 1 - math.log(factor)) / 2
    np.testing.assert_allclose(elbo, world.log_evidence() - gap, rtol=1e-10)


def test_another_label_is_another_evidence():
    world = World()
    vae, x = world.model(), torch.from_numpy(world.x)
    world.y = (world.y + 1) % CLASSES
    trace = vae(x, noise(2, 7, LATENT), context=vae.context(world.told))
    want = np.broadcast_to(world.log_evidence(), (2, 7))
    np.testing.assert_allclose(trace.log_w().detach(), want, rtol=1e-10)


def test_samples_given_c_have_the_moments_of_the_world():
    """x = W z + V y + b by hand, from the same noise."""
    world = World()
    vae = world.model()
    eps = noise(3, 7, LATENT)
    made = vae.sample(eps, context=vae.context(world.told)).mean.detach().numpy()
    one_hot = np.eye(CLASSES)[world.y]
    z = one_hot @ world.M.T + world.m + world.s * eps[0].numpy()
    np.testing.assert_allclose(made, z @ world.plain.W.T + one_hot @ world.V.T + world.plain.b)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_constant_c_is_a_shifted_bias(activation):
    torch.manual_seed(0)
    given = Concatenated(MLP((D + 2,), (3,), [6, 4], activation)).double()
    plain = MLP((D,), (3,), [6, 4], activation).double()
    plain.load_state_dict(
        {**given.net.state_dict(), "layers.0.weight": given.net.layers[0].weight[:, :D]}
    )
    c = torch.tensor([[0.3, -2.0]], dtype=torch.float64)
    with torch.no_grad():
        plain.layers[0].bias += given.net.layers[0].weight[:, D:] @ c[0]
    x = noise(8, D)[0]
    torch.testing.assert_close(given(x, c.expand(8, 2)), plain(x), rtol=1e-12, atol=1e-12)


def moved_prior() -> tuple[ConditionalPrior, Tensor]:
    torch.manual_seed(1)
    prior = ConditionalPrior(NormalMixture((LATENT,), components=2), CLASSES).double()
    with torch.no_grad():
        prior.net.weight.normal_(0, 0.5)
        prior.net.bias.normal_(0, 0.5)
        prior.base.logits.copy_(torch.tensor([0.2, -0.4]))
        prior.base.log_sigma.normal_(0, 0.3)
    return prior, LabelCondition(CLASSES)(torch.arange(CLASSES).double()[:, None])


def test_a_moved_mixture_has_the_density_of_the_mixture_of_moved_normals():
    prior, c = moved_prior()
    mu, log_sigma = prior.net(c).reshape(CLASSES, 2, LATENT).unbind(1)
    base, sigma = prior.base, log_sigma.exp()
    means = mu[:, None] + sigma[:, None] * base.mu
    parts = Normal(means, sigma[:, None] * base.log_sigma.exp())
    weights = Choice(logits=base.logits.expand(CLASSES, 2))
    oracle = MixtureSameFamily(weights, Independent(parts, 1))
    z = noise(5, CLASSES, LATENT)[0]
    record = prior(None, c)
    torch.testing.assert_close(record.log_prob(z), oracle.log_prob(z), rtol=1e-10, atol=0)
    torch.testing.assert_close(record.mean, oracle.mean, rtol=1e-10, atol=1e-12)
    eps = noise(5, CLASSES, *prior.noise_shape)[0]
    moved = mu + sigma * base(None).rsample(eps)
    torch.testing.assert_close(record.rsample(eps), moved, rtol=1e-12, atol=0)


def test_a_conditional_prior_starts_as_what_it_moves():
    prior = ConditionalPrior(StandardNormal((LATENT,)), CLASSES).double()
    q = NormalRecord(*noise(2, 6, LATENT)[0].unbind(0))
    c = LabelCondition(CLASSES)(torch.zeros(6, 1).double())
    torch.testing.assert_close(
        q.kl(prior(None, c)), q.kl(StandardNormal((LATENT,)).double()(None))
    )


def test_a_latent_that_is_carried_is_as_likely_there_but_for_the_volume():
    """p'(z') sigma' = p(z) sigma, since both are the density of the same u."""
    prior, c = moved_prior()
    here, there = prior(None, c), prior(None, c.roll(1, 0))
    z = noise(1, CLASSES, LATENT)[0][0]
    carried = carry_latent(z, here, there)
    volumes = (here.log_sigma - there.log_sigma).sum(-1)
    of_here = here.log_prob(z[None])[0] + volumes
    torch.testing.assert_close(there.log_prob(carried[None])[0], of_here, rtol=1e-10, atol=1e-10)
    assert carry_latent(z, prior.base(None), prior.base(None)) is z


def test_a_condition_gives_what_nets_take():
    labels = torch.tensor([[2.0], [0.0]])
    assert LabelCondition(3)(labels).tolist() == [[0, 0, 1], [1, 0, 0]]
    embedded = LabelCondition(3, embedding=5)
    assert embedded.size == 5
    assert torch.equal(embedded(labels), embedded.embedding.weight[[2, 0]])
    numbers = NumberCondition(["a", "b"])
    given = 3 + 2 * noise(50, 2)[0]
    numbers.initialise(given)
    seen = numbers(given.float())
    torch.testing.assert_close(seen.mean(0), torch.zeros(2), rtol=0, atol=1e-5)
    torch.testing.assert_close(seen.std(0, correction=0), torch.ones(2), rtol=1e-5, atol=0)
    with pytest.raises(ConfigError, match=r"condition\.names: b is the same"):
        NumberCondition(["a", "b"]).initialise(torch.tensor([[1.0, 2.0], [3.0, 2.0]]))


def test_a_conditional_model_is_not_used_without_its_condition():
    encoder = Concatenated(Affine((D + 2,), (2, LATENT)))
    latents = flat_latents(NormalPosterior((LATENT,)), encoder, StandardNormal((LATENT,)), (D,))
    vae = VAE(latents, None, LabelCondition(2))
    with pytest.raises(ConfigError, match="conditional"):
        vae.context(None)
