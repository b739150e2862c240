"""A two-layer linear-Gaussian world, and models of the product that are its exact answers."""

import math

import numpy as np
import torch
from oracles.exact_vae import full_theta, normal_theta
from scipy.stats import multivariate_normal

from vael.models.condition import LabelCondition
from vael.models.conditional import Conditional
from vael.models.latents import Chain, Ladder
from vael.models.likelihoods import Gaussian
from vael.models.nets.concatenated import Concatenated
from vael.models.nets.mlp import Affine
from vael.models.posteriors import FullNormal, Normal
from vael.models.priors import StandardNormal
from vael.models.priors.conditional import ConditionalPrior
from vael.models.vae import VAE

SIGMA, S1 = 0.6, 0.7


class World:
    """``z2 ~ N(0, I), z1 ~ N(V z2 + c, S1^2 I), x ~ N(W z1 + b, SIGMA^2 I)``.

    The columns of V and of W are orthogonal, of equal length: every posterior that a ladder
    makes is then diagonal. With classes there is a one-hot y, which moves all three by ``M y``,
    ``K y`` and ``U y``, and z2 has standard deviations s.
    """

    def __init__(self, seed=0, dims=(6, 3, 2), classes=0):
        rng = np.random.default_rng(seed)
        self.dims = dims
        num_dims, d1, d2 = dims
        self.W = 1.3 * np.linalg.qr(rng.normal(size=(num_dims, d1)))[0]
        self.V = 0.9 * np.linalg.qr(rng.normal(size=(d1, d2)))[0]
        self.b, self.c = rng.normal(size=num_dims), rng.normal(size=d1)
        self.classes = classes
        self.U, self.K, self.M = (rng.normal(size=(size, classes)) for size in dims)
        self.s = rng.uniform(0.5, 2, size=d2) if classes else np.ones(d2)

    def sample(self, count, seed=1):
        rng = np.random.default_rng(seed)
        num_dims, d1, d2 = self.dims
        z1 = rng.normal(size=(count, d2)) @ self.V.T + self.c + S1 * rng.normal(size=(count, d1))
        return z1 @ self.W.T + self.b + SIGMA * rng.normal(size=(count, num_dims))

    @property
    def cov1(self):
        """Cov[z1] before any x."""
        return self.V @ np.diag(self.s**2) @ self.V.T + S1**2 * np.eye(self.dims[1])

    def log_evidence(self, x, y=None):
        """log p(x), or of each x given its class y."""
        cov = self.W @ self.cov1 @ self.W.T + SIGMA**2 * np.eye(self.dims[0])
        mean = self.b + self.W @ self.c
        if self.classes:
            mean = mean + (self.U + self.W @ (self.K + self.V @ self.M)).T[y]
        return multivariate_normal(np.zeros(len(self.b)), cov).logpdf(x - mean)


class _Parts:
    def __init__(self, kind, world):
        self.kind, self.size = kind, world.classes
        self.event_shape, self.latent_shape = (world.dims[0],), (world.dims[2],)
        self.context_sizes = dict.fromkeys(("encoder", "decoder", "prior"), self.size)

    def posterior(self, shape):
        return self.kind(shape)

    def connect(self, emitted, taken):
        self.family = Gaussian(self.event_shape, None, scale="fixed", sigma=SIGMA)
        self.decoder = self.net(taken, self.family.theta_shape)
        return self.net(self.event_shape, emitted)

    def net(self, taken, emitted):
        net = Affine((taken[0] + self.size,), emitted)
        return Concatenated(net) if self.size else net

    def prior(self, shape):
        made = StandardNormal(shape)
        return ConditionalPrior(made, self.size) if self.size else made


def set_affine(net, weights, bias):
    """Make the first outputs ``weights [h, y] + bias``, further ones what is left of the bias."""
    weight = np.concatenate(weights, 1)
    net = net.net if isinstance(net, Concatenated) else net
    with torch.no_grad():
        net.linear.weight.zero_()
        net.linear.weight[: len(weight)] = torch.from_numpy(weight)
        net.linear.bias.copy_(torch.from_numpy(np.asarray(bias)))


def _model(world, latents, parts):
    condition = LabelCondition(world.classes) if world.classes else None
    decoder = Conditional(parts.decoder, parts.family, (world.dims[1],))
    vae = VAE(latents, decoder, condition).double()
    set_affine(parts.decoder, [world.W, world.U], world.b)
    parts.family.scale.log_sigma.fill_(math.log(SIGMA))
    spread = np.full(world.dims[1], math.log(S1))
    set_affine(latents.down[0].net, [world.V, world.K], np.concatenate([world.c, spread]))
    if condition is not None:
        moves = np.concatenate([world.M, np.zeros_like(world.M)])
        with torch.no_grad():
            latents.prior.net.weight.copy_(torch.from_numpy(moves))
            latents.prior.net.bias[len(world.M) :].copy_(torch.from_numpy(np.log(world.s)))
    return vae.eval().requires_grad_(False)


def exact_chain(world, shift=0.0):
    """q(z1|x) = p(z1|x) and q(z2|z1) = p(z2|z1), but for a shift of their means."""
    parts = _Parts(FullNormal, world)
    chain = Chain(parts, [world.dims[1]], [])
    vae = _model(world, chain, parts)
    prior1, W, V = np.linalg.inv(world.cov1), world.W, world.V
    cov1 = np.linalg.inv(prior1 + W.T @ W / SIGMA**2)
    A = cov1 @ W.T / SIGMA**2
    start = cov1 @ prior1 @ world.c - A @ world.b + shift
    of_y = cov1 @ prior1 @ (world.K + V @ world.M) - A @ world.U
    set_affine(chain.posterior.net, [A, of_y], np.concatenate([start, full_theta(cov1)]))
    prior2 = np.diag(world.s**-2)
    cov2 = np.linalg.inv(prior2 + V.T @ V / S1**2)
    up = cov2 @ V.T / S1**2
    start, of_y = -up @ world.c + shift, cov2 @ prior2 @ world.M - up @ world.K
    set_affine(chain.up[0].net, [up, of_y], np.concatenate([start, full_theta(cov2)]))
    return vae


def exact_ladder(world, merge, shift=0.0):
    """q(z2|x) = p(z2|x) and q(z1|z2, x) = p(z1|z2, x), but for a shift of what is seen of x."""
    parts = _Parts(Normal, world)
    ladder = Ladder(parts, [world.dims[1]], [], merge=merge)
    vae = _model(world, ladder, parts)
    d1, d2 = world.dims[1:]
    w2, v2 = (np.square(M).sum(0)[0] for M in (world.W, world.V))
    noise = SIGMA**2 / w2  # of m1 = W^T (x - b) / w2 around z1
    A = world.W.T / w2
    spread = normal_theta(noise * np.eye(d1))
    start = np.concatenate([-A @ world.b + shift, spread])
    set_affine(ladder.posterior.net, [A, -A @ world.U], start)
    around = S1**2 + noise  # of m1 around V z2 + K y + c
    var2 = np.diag(1 / (world.s**-2 + v2 / around))
    up = var2 @ world.V.T / around
    start = np.concatenate([-up @ world.c + shift, normal_theta(var2)])
    of_y = var2 @ np.diag(world.s**-2) @ world.M - up @ world.K
    set_affine(ladder.up[0].net, [up, np.zeros((d2, d1)), of_y], start)
    if merge == "residual":
        share = S1**2 / around
        d = [share * np.eye(d1), np.zeros((d1, d1)), -share * world.V, -share * world.K]
        r = np.full(d1, 0.5 * math.log(noise / around))
        set_affine(ladder.merge[0].net, d, np.concatenate([-share * world.c, r]))
    return vae
