"""Training arrives where the closed form of probabilistic PCA says (Tipping and Bishop 1999)."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from helpers.runs import make_run
from oracles.linear_gaussian import LinearGaussian

from vael.metrics.evidence import weigh
from vael.runs.folder import read_config
from vael.training.fit import train
from vael.training.setup import prepare_run

pytestmark = pytest.mark.xdist_group("ppca")  # one training
SAMPLES = 5000


@dataclass(frozen=True)
class MaximumLikelihood:
    """Tipping and Bishop 1999, Eq. 7-8, 3: sigma^2, the principal axes, log-likelihood a row."""

    sigma: float
    axes: np.ndarray
    log_likelihood: float

    @classmethod
    def of(cls, x: np.ndarray, latent_dim: int) -> "MaximumLikelihood":
        """By the eigenvalues of the sample covariance of x (N, D)."""
        num_dims = x.shape[1]
        values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
        largest, rest = values[-latent_dim:], values[:-latent_dim]
        noise = rest.mean()
        log_det = np.log(largest).sum() + len(rest) * np.log(noise)
        return cls(
            np.sqrt(noise),
            vectors[:, -latent_dim:],
            -0.5 * (num_dims * np.log(2 * np.pi) + log_det + num_dims),
        )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The trained model in float64, what it says as a world of numpy, and the training rows."""
    folder = make_run(
        tmp_path_factory.mktemp("ppca"),
        "experiment=ppca",
        "logger=csv",
        "trainer.accelerator=cpu",
        "trainer.threads=1",
    )
    train(folder)
    loaded = prepare_run(folder, read_config(folder))
    # the last weights: the best by validation need not be where the training data is likeliest
    loaded.lit.load_state_dict(torch.load(loaded.files.last, weights_only=True)["state_dict"])
    x = loaded.data.preprocess(loaded.data.head("train", loaded.data.spec.num_train).x).double()
    vae = loaded.lit.vae.double().eval().requires_grad_(False)
    affine = vae.likelihood.net.linear
    px = vae.decode(x.new_zeros(1, affine.in_features))
    world = LinearGaussian(affine.weight.numpy(), affine.bias.numpy(), float(px.log_sigma.exp()))
    return vae, world, x


def test_the_closed_form_is_a_maximum():
    """The oracle by another way: its own parameters have this likelihood, others less."""
    x = LinearGaussian.draw(6, 2).sample(500)
    best = MaximumLikelihood.of(x, 2)
    values = np.sort(np.linalg.eigvalsh(np.cov(x.T, bias=True)))[-2:]
    weights = best.axes * np.sqrt(values - best.sigma**2)

    def likelihood(weights, sigma):
        return LinearGaussian(weights, x.mean(0), sigma).log_evidence(x).mean()

    assert likelihood(weights, best.sigma) == pytest.approx(best.log_likelihood, abs=1e-10)
    rng = np.random.default_rng(0)
    for _ in range(20):
        away = weights + 0.05 * rng.normal(size=weights.shape)
        assert likelihood(away, best.sigma * np.exp(0.05 * rng.normal())) < best.log_likelihood


@pytest.mark.slow
def test_the_likelihood_is_the_greatest_there_is(trained):
    _, world, x = trained
    best = MaximumLikelihood.of(x.numpy(), world.latent_dim)
    gap = best.log_likelihood - world.log_evidence(x.numpy()).mean()
    assert 0 <= gap <= 0.03
    assert world.sigma == pytest.approx(best.sigma, rel=0.01)


@pytest.mark.slow
def test_the_decoder_spans_the_principal_axes(trained):
    _, world, x = trained
    axes = MaximumLikelihood.of(x.numpy(), world.latent_dim).axes
    cosines = np.linalg.svd(np.linalg.qr(world.W)[0].T @ axes)[1]
    assert cosines.min() >= 0.999


@pytest.mark.slow
def test_the_estimate_of_the_likelihood_is_the_likelihood(trained):
    vae, world, x = trained
    source = torch.Generator().manual_seed(0)

    def eps(number, shape):
        return torch.randn(len(x), *shape, generator=source, dtype=x.dtype)

    found = weigh(vae, x, eps, SAMPLES, None).evidence
    exact = world.log_evidence(x.numpy())
    assert abs(float(found.iwae.mean()) - exact.mean()) <= 0.02
    gap = exact.mean() - float(found.elbo.mean())  # KL(q || p(z|x)): the posterior arrives too
    assert 0 < gap <= 0.05
