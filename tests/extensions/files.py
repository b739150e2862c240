"""A package and YAMLs of a user's own, and what calls vael beside them."""

import os
import subprocess
import sys
from pathlib import Path

from helpers.runs import ROOT

FILES = {
    "package/mylab/__init__.py": "",
    "package/mylab/nets.py": """
from math import prod

from torch import nn


class TwoLayers(nn.Module):
    def __init__(self, in_shape, out_shape, width):
        super().__init__()
        self.out_shape = tuple(out_shape)
        self.layers = nn.Sequential(nn.Linear(prod(in_shape), width), nn.Tanh(),
                                    nn.Linear(width, prod(out_shape)))

    def forward(self, h):
        return self.layers(h.flatten(1)).reshape(-1, *self.out_shape)
""",
    "package/mylab/wrong.py": """
from torch import nn

from mylab.laplace import Laplace
from vael.objectives import Elbo


class Transposed(nn.Module):
    def __init__(self, in_shape, out_shape, width):
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, h):
        return self.layer(h.flatten(1))


class Unsummed(Laplace):
    def log_likelihood(self, px, x):
        return px.cells(x)


class Bare(Elbo):
    def forward(self, trace, step):
        return -trace.log_px.mean()
""",
    "package/mylab/laplace.py": '''
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor, nn

from vael.models.likelihoods import Likelihood, sum_event

FAR = 1e4  # stands for infinity, in units of the scale


@dataclass(frozen=True)
class LaplaceRecord:
    mu: Tensor
    log_b: Tensor
    event_dims: int
    levels: int

    def log_prob(self, x):
        terms = -(x - self.mu).abs() * torch.exp(-self.log_b) - self.log_b - log(2)
        return sum_event(terms, self.event_dims)

    def log_mass(self, x):
        return sum_event(self.cells(x), self.event_dims)

    def cells(self, x):
        """log[cdf(upper edge) - cdf(lower edge)], the outermost cells open."""
        half, b = 0.5 / (self.levels - 1), torch.exp(self.log_b)
        low = torch.where(x < half, -FAR, (x - half - self.mu) / b)
        high = torch.where(x > 1 - half, FAR, (x + half - self.mu) / b)
        left = low + high < 0  # mirrored: there the difference is of small numbers
        low, high = torch.where(left, -high, low), torch.where(left, -low, high)
        right = low.clamp(min=0)
        beside = log(0.5) - right + torch.log(-torch.expm1(right - high))
        around = torch.log1p(-0.5 * torch.exp(low.clamp(max=0)) - 0.5 * torch.exp(-high))
        return torch.where(low >= 0, beside, around)

    @property
    def mean(self):
        grid = torch.arange(self.levels) / (self.levels - 1)
        return sum(x * self.cells(x.expand_as(self.mu)).exp() for x in grid)

    def sample(self, noise):
        u = noise - 0.5
        x = self.mu - torch.exp(self.log_b) * u.sign() * torch.log1p(-2 * u.abs() + 1e-7)
        last = self.levels - 1
        return (x * last).round().clamp(0, last) / last


class Laplace(Likelihood[LaplaceRecord]):
    support = "real"
    num_params = 1

    def __init__(self, event_shape, levels, b=0.2, fit="auto"):
        super().__init__(event_shape, levels, fit)
        self.log_b = nn.Parameter(torch.tensor(log(b)))

    def link(self, theta):
        mu = theta.squeeze(-1 - len(self.event_shape))
        return LaplaceRecord(mu, self.log_b, len(self.event_shape), self.levels)

    def at_bound(self, px):
        return px.mu.new_zeros(())
''',
    "package/mylab/squares.py": '''
import numpy as np

from vael.data import Arrays, Decoded, Source


class Squares(Source):
    """A grey square somewhere in an 8x8 image, 9 levels."""

    def __init__(self, number):
        self.number = number

    def fingerprint(self):
        return f"squares {self.number}"

    def decode(self):
        random = np.random.default_rng(0)
        x = np.zeros((self.number, 1, 8, 8), np.uint8)
        for image in x[:, 0]:
            row, column = random.integers(0, 6, 2)
            image[row:row + 3, column:column + 3] = random.integers(3, 9)
        return Decoded(Arrays(x), levels=9)
''',
    "conf/model/my_vae.yaml": """
latent_dim: 3
encoder:
  _target_: mylab.nets.TwoLayers
  width: 64
decoder:
  _target_: mylab.nets.TwoLayers
  width: ${model.encoder.width}
""",
    "conf/likelihood/my_laplace.yaml": """
_target_: mylab.laplace.Laplace
b: 0.2
fit: auto
""",
    "conf/data/my_data.yaml": """
# @package _global_
defaults:
  - override /likelihood: my_laplace

data:
  name: squares
  number: 600
  source:
    _target_: mylab.squares.Squares
    number: ${data.number}
""",
}
CHOICES = ("model=my_vae", "likelihood=my_laplace", "data=my_data")
SHORT = (
    "logger=csv",
    "trainer.max_epochs=3",
    "data.batch_size=64",
    "optimizer.lr=0.01",
    "evaluation.test_samples=5",
    "callbacks.pictures.num_examples=50",
)


def call(work, *command, path="package"):
    """A command in the user's folder, with the user's package importable."""
    environment = {**os.environ, "PYTHONPATH": str(work / path), "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(
        [sys.executable, *command],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def train(work, *overrides, path="package"):
    return call(work, str(ROOT / "train.py"), *overrides, path=path)


def only(work) -> Path:
    (folder,) = work.glob("outputs/*/*")
    return folder


def search(work):
    return f"hydra.searchpath=[file://{work / 'conf'}]"
