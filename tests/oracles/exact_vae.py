"""A VAE of the product whose weights are the exact answers of a linear-Gaussian world."""

import math

import numpy as np
import torch
from helpers.parts import flat_latents
from oracles.linear_gaussian import LinearGaussian

from vael.models.conditional import Conditional
from vael.models.likelihoods.gaussian import Gaussian
from vael.models.nets.mlp import Affine
from vael.models.posteriors.base import Posterior
from vael.models.posteriors.full_normal import FullNormal
from vael.models.posteriors.normal import Normal
from vael.models.priors.standard_normal import StandardNormal
from vael.models.vae import VAE


def full_theta(cov: np.ndarray) -> np.ndarray:
    """What FullNormal must be told, after the mean, to have this covariance."""
    d = len(cov)
    chol = np.linalg.cholesky(cov)
    below = chol[np.tril_indices(d, -1)] * math.sqrt(d)
    return np.concatenate([np.log(np.diag(chol)), below])


def normal_theta(cov: np.ndarray) -> np.ndarray:
    """What Normal must be told, after the mean, to have this diagonal covariance."""
    return 0.5 * np.log(np.diag(cov))


def linear_vae(
    world: LinearGaussian,
    posterior: Posterior,
    A: np.ndarray,
    shift: np.ndarray,
    shape: np.ndarray,
) -> VAE:
    """Decoder as in the world; q(z|x) has mean A x + shift and the constant ``shape`` of theta."""
    num_dims, d = world.W.shape
    encoder = Affine((num_dims,), posterior.theta_shape).double()
    family = Gaussian((num_dims,), None, scale="fixed", sigma=world.sigma)
    decoder = Affine((d,), family.theta_shape).double()
    with torch.no_grad():
        encoder.linear.weight.zero_()
        encoder.linear.weight[:d] = torch.from_numpy(A)
        encoder.linear.bias.copy_(torch.from_numpy(np.concatenate([shift, shape])))
        decoder.linear.weight.copy_(torch.from_numpy(world.W))
        decoder.linear.bias.copy_(torch.from_numpy(world.b))
    flat = flat_latents(posterior, encoder, StandardNormal((d,)), (num_dims,))
    likelihood = Conditional(decoder, family, (d,))
    vae = VAE(flat, likelihood).double()
    family.scale.log_sigma.fill_(math.log(world.sigma))  # it was rounded to float32
    return vae


def exact_vae(world: LinearGaussian, kind: type[Posterior]) -> VAE:
    """q(z|x) = p(z|x); ``kind=Normal`` needs a world with orthogonal columns."""
    A, cov = world.posterior_map()
    shape = {Normal: normal_theta, FullNormal: full_theta}[kind](cov)
    return linear_vae(world, kind((world.latent_dim,)), A, -A @ world.b, shape)
