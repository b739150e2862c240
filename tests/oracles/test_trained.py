"""Trained at beta = 1, in worlds whose truth is known: what the raw ELBO prefers, and what bpd."""

import json

import numpy as np
import pytest
from helpers.runs import make_run
from scipy.special import logsumexp
from scipy.stats import norm

from vael.training.fit import train

pytestmark = pytest.mark.slow

SIZE, LEVELS = 8, 17
D = SIZE * SIZE
QUICK = (
    "data=array",
    "model=mlp_vae",
    "model.latent_dim=4",
    "model.encoder.hidden=[64]",
    "model.decoder.hidden=[64]",
    "optimizer.lr=3e-3",
    "data.batch_size=100",
    "logger=csv",
    "trainer.max_epochs=25",
    "trainer.accelerator=cpu",
    "trainer.threads=1",
    "callbacks.early_stopping.patience=null",
    "callbacks.pictures.num_examples=20",
)
GAUSSIAN = ("likelihood=gaussian", "likelihood.scale=predicted")


def scores(parent, path, *overrides):
    folder = make_run(parent, *QUICK, f"data.path={path}", *overrides)
    train(folder)
    return json.loads((folder / "summary.json").read_text())["metrics"]


def log_mean_exp(terms):
    return logsumexp(terms, axis=1) - np.log(terms.shape[1])


class Binary:
    """Half of the pixels are always 0; the others say, with errors, which of 8 patterns it is."""

    def __init__(self):
        rng = np.random.default_rng(0)
        right = rng.integers(0, 2, (8, SIZE, SIZE // 2))
        self.patterns = np.concatenate([np.zeros_like(right), right], 2).reshape(8, D)
        self.error = np.where(np.arange(D) % SIZE < SIZE // 2, 0.0, 0.1)

    def draw(self, size, seed):
        rng = np.random.default_rng(seed)
        x = self.patterns[rng.integers(0, 8, size)] ^ (rng.random((size, D)) < self.error)
        return x.astype(np.uint8)

    def bpd(self, x):
        """Bits per dimension of the truth, by enumeration of the patterns, with its error."""
        free = self.error > 0
        wrong = (x[:, None, free] != self.patterns[None, :, free]).sum(-1)
        log_p = wrong * np.log(0.1) + (free.sum() - wrong) * np.log(0.9)
        bits = -log_mean_exp(log_p) / (D * np.log(2))
        return bits.mean(), bits.std() / np.sqrt(len(bits))


class Grey:
    """The nearest of 17 levels to a normal variable whose mean follows one of 8 patterns."""

    sigma = 0.1

    def __init__(self):
        self.patterns = np.random.default_rng(0).uniform(0.2, 0.8, (8, D))

    def draw(self, size, seed):
        rng = np.random.default_rng(seed)
        x = self.patterns[rng.integers(0, 8, size)] + self.sigma * rng.normal(size=(size, D))
        return np.clip(np.rint(x * (LEVELS - 1)), 0, LEVELS - 1).astype(np.uint8)

    def bpd(self, x):
        """Bits per dimension of the truth, by enumeration of the patterns, with its error."""
        grid = np.arange(LEVELS)[:, None, None]
        low = np.where(grid == 0, -np.inf, (grid - 0.5) / (LEVELS - 1))
        high = np.where(grid == LEVELS - 1, np.inf, (grid + 0.5) / (LEVELS - 1))
        cells = np.log(
            norm.cdf(high, self.patterns, self.sigma) - norm.cdf(low, self.patterns, self.sigma)
        )  # (levels, 8, D)
        log_p = np.stack([cells[row, :, np.arange(D)].sum(0) for row in x])
        bits = -log_mean_exp(log_p) / (D * np.log(2))
        return bits.mean(), bits.std() / np.sqrt(len(bits))


def write(world, path):
    def images(size, seed):
        return world.draw(size, seed).reshape(size, SIZE, SIZE)

    np.savez(path, x_train=images(2500, 1), x_test=images(1000, 2))
    return world.bpd(world.draw(1000, 2))


def test_constant_pixels_deceive_the_raw_elbo_and_not_bpd(tmp_path):
    path = tmp_path / "binary.npz"
    truth, error = write(Binary(), path)
    levels = "data.levels=2"
    gaussian = scores(tmp_path, path, levels, *GAUSSIAN, "likelihood.fit=density")
    bernoulli = scores(tmp_path, path, levels, "likelihood=bernoulli")
    # the density of a constant is as great as the bound of its scale lets it be
    assert gaussian["test/elbo"] > bernoulli["test/elbo"] + 10
    assert gaussian["test/bpd"] > bernoulli["test/bpd"] + 0.05
    for found in (gaussian, bernoulli):
        assert found["test/bpd"] > truth - 5 * error


def test_a_discretised_gaussian_is_found_by_bpd(tmp_path):
    path = tmp_path / "grey.npz"
    truth, error = write(Grey(), path)
    levels = f"data.levels={LEVELS}"
    gaussian = scores(tmp_path, path, levels, *GAUSSIAN)
    bernoulli = scores(tmp_path, path, levels, "likelihood=bernoulli")
    assert bernoulli["test/bpd"] > gaussian["test/bpd"] + 0.2
    assert truth - 5 * error < gaussian["test/bpd"] < truth + 0.2
