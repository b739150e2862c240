"""A two-layer linear-Gaussian world, and models of the product that are its exact answers."""

import math

import numpy as np
import torch
from oracles.exact_vae import full_theta, normal_theta
from scipy.stats import multivariate_normal

from vael.models.conditional import Conditional
from vael.models.latents import Chain, Ladder
from vael.models.likelihoods import Gaussian
from vael.models.nets.mlp import Affine
from vael.models.posteriors import FullNormal, Normal
from vael.models.priors import StandardNormal
from vael.models.vae import VAE

SIGMA, S1 = 0.6, 0.7


class World:
    """``z2 ~ N(0, I), z1 ~ N(V z2 + c, S1^2 I), x ~ N(W z1 + b, SIGMA^2 I)``.

    The columns of V and of W are orthogonal, of equal length: every posterior that a ladder
    makes is then diagonal.
    """

    def __init__(self, seed=0, dims=(6, 3, 2)):
        rng = np.random.default_rng(seed)
        self.dims = dims
        num_dims, d1, d2 = dims
        self.W = 1.3 * np.linalg.qr(rng.normal(size=(num_dims, d1)))[0]
        self.V = 0.9 * np.linalg.qr(rng.normal(size=(d1, d2)))[0]
        self.b, self.c = rng.normal(size=num_dims), rng.normal(size=d1)

    def sample(self, count, seed=1):
        rng = np.random.default_rng(seed)
        num_dims, d1, d2 = self.dims
        z1 = rng.normal(size=(count, d2)) @ self.V.T + self.c + S1 * rng.normal(size=(count, d1))
        return z1 @ self.W.T + self.b + SIGMA * rng.normal(size=(count, num_dims))

    @property
    def cov1(self):
        """Cov[z1] before any x."""
        return self.V @ self.V.T + S1**2 * np.eye(self.dims[1])

    def log_evidence(self, x):
        cov = self.W @ self.cov1 @ self.W.T + SIGMA**2 * np.eye(self.dims[0])
        return multivariate_normal(self.b + self.W @ self.c, cov).logpdf(x)


class _Parts:
    def __init__(self, kind, dims):
        self.kind, self.dims = kind, dims
        self.event_shape, self.latent_shape = (dims[0],), (dims[2],)

    def posterior(self, shape):
        return self.kind(shape)

    def connect(self, emitted, taken):
        self.family = Gaussian(self.event_shape, None, scale="fixed", sigma=SIGMA)
        self.decoder = Affine(taken, self.family.theta_shape)
        return Affine(self.event_shape, emitted)

    def prior(self, shape):
        return StandardNormal(shape)


def set_affine(net, weight, bias):
    """Make the first outputs ``weight h + bias``, the further ones what is left of the bias."""
    with torch.no_grad():
        net.linear.weight.zero_()
        net.linear.weight[: len(weight)] = torch.from_numpy(weight)
        net.linear.bias.copy_(torch.from_numpy(np.asarray(bias)))


def _model(world, latents, parts):
    vae = VAE(latents, Conditional(parts.decoder, parts.family, (world.dims[1],))).double()
    set_affine(parts.decoder, world.W, world.b)
    parts.family.scale.log_sigma.fill_(math.log(SIGMA))
    spread = np.full(world.dims[1], math.log(S1))
    set_affine(latents.down[0].net, world.V, np.concatenate([world.c, spread]))
    return vae.eval().requires_grad_(False)


def exact_chain(world, shift=0.0):
    """q(z1|x) = p(z1|x) and q(z2|z1) = p(z2|z1), but for a shift of their means."""
    parts = _Parts(FullNormal, world.dims)
    chain = Chain(parts, [world.dims[1]], [])
    vae = _model(world, chain, parts)
    prior1, W, V = np.linalg.inv(world.cov1), world.W, world.V
    cov1 = np.linalg.inv(prior1 + W.T @ W / SIGMA**2)
    A = cov1 @ W.T / SIGMA**2
    start = cov1 @ prior1 @ world.c - A @ world.b + shift
    set_affine(chain.posterior.net, A, np.concatenate([start, full_theta(cov1)]))
    cov2 = np.linalg.inv(np.eye(world.dims[2]) + V.T @ V / S1**2)
    up = cov2 @ V.T / S1**2
    start = -up @ world.c + shift
    set_affine(chain.up[0].net, up, np.concatenate([start, full_theta(cov2)]))
    return vae


def exact_ladder(world, merge, shift=0.0):
    """q(z2|x) = p(z2|x) and q(z1|z2, x) = p(z1|z2, x), but for a shift of what is seen of x."""
    parts = _Parts(Normal, world.dims)
    ladder = Ladder(parts, [world.dims[1]], [], merge=merge)
    vae = _model(world, ladder, parts)
    d1, d2 = world.dims[1:]
    w2, v2 = (np.square(M).sum(0)[0] for M in (world.W, world.V))
    noise = SIGMA**2 / w2  # of m1 = W^T (x - b) / w2 around z1
    A = world.W.T / w2
    spread = normal_theta(noise * np.eye(d1))
    set_affine(ladder.posterior.net, A, np.concatenate([-A @ world.b + shift, spread]))
    around = S1**2 + noise  # of m1 around V z2 + c
    var2 = 1 / (1 + v2 / around)
    up = np.concatenate([var2 * world.V.T / around, np.zeros((d2, d1))], 1)
    start = np.concatenate([-up[:, :d1] @ world.c + shift, normal_theta(var2 * np.eye(d2))])
    set_affine(ladder.up[0].net, up, start)
    if merge == "residual":
        share = S1**2 / around
        d = np.concatenate([share * np.eye(d1), np.zeros((d1, d1)), -share * world.V], 1)
        r = np.full(d1, 0.5 * math.log(noise / around))
        set_affine(ladder.merge[0], d, np.concatenate([-share * world.c, r]))
    return vae
