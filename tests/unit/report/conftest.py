"""A linear VAE in closed form with the interface that pictures need, and a run folder."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vael.models.posteriors.base import PosteriorRecord
from vael.report import pictures


class Point(PosteriorRecord):
    """A q(z|x) that reports the KL that it is told."""

    def __init__(self, mu, rates):
        self.mu, self.rates = mu, rates

    @property
    def mean(self):
        return self.mu

    def log_prob(self, z):
        return z.sum(-1)

    def rsample(self, eps):
        return self.mu + eps

    def kl(self, p):
        return None

    def factors(self, p):
        return None if self.rates is None else self.rates.expand(len(self.mu), -1)


@dataclass
class Observed:
    mean: Tensor


class PixelVAE:
    """z_i is the grey value of pixel i; encoding reads it, decoding paints it, exactly."""

    is_discrete = False

    def __init__(self, shape, rates):
        self.shape, self.rates = shape, rates
        self.dim = torch.Size(shape).numel()

    @property
    def noise_shapes(self):
        return ((self.dim,),)

    @property
    def prior_noise_shapes(self):
        return self.noise_shapes

    @property
    def latent_shape(self):
        return (self.dim,)

    def encode(self, x, *, context=None):
        return Point(x.flatten(1), self.rates)

    def decode(self, z, *, context=None):
        return Observed(z.reshape(*z.shape[:2], *self.shape))

    decode_top = decode

    def sample(self, eps, *, context=None):
        return self.decode(eps[0])


@pytest.fixture
def pixel_vae():
    return PixelVAE


CONFIG = """\
name: null
seed: 3
model: {latent_dim: 16}
likelihood: {_target_: vael.models.likelihoods.Gaussian, scale: shared, fit: mass}
objective: {beta: 0.5}
evaluation: {samples: 4, test_samples: 100}
choices: {data: digits, model: conv_vae, likelihood: gaussian, prior: standard_normal}
command: python train.py objective.beta=0.5
"""
SUMMARY = {
    "status": "finished",
    "reason": None,
    "epochs": 3,
    "steps": 30,
    "seconds": 4.5,
    "metrics": {
        "val/bpd": 2.25,
        "val/elbo": -101.5,
        "test/bpd": 2.125,
        "test/elbo": -99.75,
        "test/mse": 0.03125,
        "train/loss": 91.0,
    },
    "samples": {"val": 4, "test": 100},
    "fit": "mass",
    "family": "gaussian",
    "examples_per_second": 1234.0,
    "parameters": 5678,
    "seed": 3,
    "devices": 1,
    "git_sha": "abc123",
    "versions": {"torch": "2.13.0"},
    "command": "python train.py objective.beta=0.5",
    "best_checkpoint": "checkpoints/best.ckpt",
}
METRICS = """\
step,epoch,train/loss,train/distortion,train/rate,train/lr,val/bpd,val/rate,val/distortion
5,0,,,,0.001,,,
10,0,120.5,112.5,8,0.001,3.5,8.5,113
20,1,110,100,10,0.0005,2.5,10.5,101
30,2,105,94,11,0.0001,2.25,11.5,95
"""


@pytest.fixture
def run(tmp_path) -> Path:
    """A finished run's folder, by the contract."""
    folder = tmp_path / "run"
    (folder / "images").mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "summary.json").write_text(json.dumps(SUMMARY))
    (folder / "metrics.csv").write_text(METRICS)
    images = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    for name, image in {
        "samples": pictures.draw_samples(images),
        "reconstructions": pictures.draw_reconstructions(images, images),
    }.items():
        pictures.save_picture(
            pictures.Picture(image, f"What {name} <show>."), folder / "images" / f"{name}.png"
        )
    return folder


@pytest.fixture
def edit_summary(run):
    """Changes entries of the run's summary.json."""

    def edit(**changes):
        (run / "summary.json").write_text(json.dumps({**SUMMARY, **changes}))

    return edit


EVALUATION = {
    "split": "test",
    "samples": 100,
    "num_examples": 180,
    "target": "bpd",
    "seconds": 12.5,
    "device": "cpu",
    "command": "vael evaluate RUN --split test --samples 100",
    "bounds": {
        "100": {"nll": 90.5625, "nll_se": 0.8125, "bpd": 2.03125, "bpd_se": 0.015625},
        "1": {"nll": 93.75, "nll_se": 0.875, "bpd": 2.125, "bpd_se": 0.03125},
        "10": {"nll": 91.5, "nll_se": 0.84, "bpd": 2.0625, "bpd_se": 0.02},
    },
    "jackknife": {
        "nll": 90.25,
        "nll_se": 0.8125,
        "bias": 0.3125,
        "bias_se": 0.03125,
        "label": "an estimate",
    },
    "ess": {"mean": 29.5, "median": 23.25, "min": 1.5, "share_below_10": 0.25},
    "scores": {
        "elbo": -93.75,
        "rate": 11.125,
        "distortion": 82.625,
        "gap": 3.1875,
        "overfitting_gap": 0.125,
        "overfitting_gap_se": 1.125,
    },
    "latents": {
        "spectrum": {
            "kl": [0.25, 2.5, 0.0],
            "remainder": 0.375,
            "variance": [0.02, 0.9, 0.001],
            "active_units": 2,
            "threshold": 0.01,
        },
        "aggregate": {
            "mutual_information": 5.0625,
            "mutual_information_se": 0.015625,
            "marginal_kl": 6.0,
            "marginal_kl_se": 0.125,
            "total_correlation": 2.25,
            "total_correlation_se": 0.125,
            "dimension_wise_kl": 3.75,
            "rate": 11.0625,
            "log_examples": 5.193,
            "saturated": True,
            "examples": 180,
            "samples": 16,
        },
    },
    "quality": {
        "reconstruction": {
            "examples": 180,
            "mse": 0.03125,
            "mse_se": 0.0005,
            "psnr": 15.05,
            "ssim": 0.90625,
            "ssim_se": 0.0036,
            "ssim_window": "7x7, uniform",
        },
        "frechet": {
            "distance": 0.375,
            "distance_of_means": 0.5,
            "floor": 0.125,
            "components": 9,
            "features": "9 principal components of the data",
            "examples": 90,
        },
        "kid": {
            "distance": 0.0625,
            "distance_of_means": 0.25,
            "floor": 0.03125,
            "components": 9,
            "features": "9 principal components of the data",
            "examples": 90,
        },
        "prdc": {
            "precision": 0.875,
            "recall": 0.75,
            "density": 1.125,
            "coverage": 0.625,
            "precision_floor": 0.90625,
            "recall_floor": 0.9375,
            "density_floor": 1.0625,
            "coverage_floor": 0.96875,
            "neighbours": 5,
            "components": 9,
            "features": "9 principal components of the data",
            "examples": 90,
        },
        "inception": "not available: torch-fidelity is not installed",
    },
    "probe": {
        "linear": 0.9375,
        "linear_se": 0.0186,
        "knn": 0.975,
        "knn_se": 0.0095,
        "neighbours": 5,
        "majority": 0.1,
        "train_examples": 1455,
        "examples": 180,
    },
    "warnings": ["the mutual information is saturated"],
}


@pytest.fixture
def evaluation():
    """What ``vael evaluate`` writes, by the contract."""
    return EVALUATION


@pytest.fixture
def evaluate(run):
    """Writes an evaluation.json into the run's folder, with some of its entries changed."""

    def write(**changes):
        (run / "evaluation.json").write_text(json.dumps({**EVALUATION, **changes}))

    return write
