"""A package and YAMLs of a user's own, outside of this repo: what the README's recipe promises."""

import importlib
import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from support import ROOT

from vael import run

FILES = {
    "package/mylab/__init__.py": "",
    "package/mylab/nets.py": '''
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
''',
    "package/mylab/wrong.py": '''
from torch import nn

from mylab.laplace import Laplace
from vael.objectives.elbo import Elbo


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
''',
    "package/mylab/laplace.py": '''
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor, nn

from vael.likelihoods.base import Likelihood, sum_event

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

from vael.data.source import Arrays, Decoded, Source


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
SHORT = ("logger=csv", "trainer.max_epochs=3", "data.batch_size=64", "optimizer.lr=0.01",
         "evaluation.test_samples=5", "callbacks.pictures.num_examples=50")  # fmt: skip


def call(work, *command, path="package"):
    """A command in the user's folder, with the user's package importable."""
    environment = {**os.environ, "PYTHONPATH": str(work / path), "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run([sys.executable, *command], cwd=work, env=environment,
                          capture_output=True, text=True, check=False, timeout=300)


def train(work, *overrides, path="package"):
    return call(work, str(ROOT / "train.py"), *overrides, path=path)


def only(work) -> Path:
    (folder,) = work.glob("outputs/*/*")
    return folder


def search(work):
    return f"hydra.searchpath=[file://{work / 'conf'}]"


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A user's folder: a package and YAMLs."""
    folder = tmp_path_factory.mktemp("user")
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip())
    return folder


@pytest.fixture(scope="module")
def trained(work):
    """The run of the README's command."""
    done = train(work, search(work), *CHOICES, *SHORT)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return only(work)


@pytest.fixture
def mylab(work, monkeypatch):
    """The user's package, imported here."""
    monkeypatch.syspath_prepend(str(work / "package"))
    yield importlib.import_module
    for name in [name for name in sys.modules if name.partition(".")[0] == "mylab"]:
        del sys.modules[name]


def test_it_trains_and_learns_through_the_command_line(trained):
    summary = json.loads((trained / "summary.json").read_text())
    assert summary["status"] == "finished"
    assert trained.parent.name == "my_data-my_vae"
    lines = (trained / "metrics.csv").read_text().splitlines()
    column = lines[0].split(",").index("val/bpd")
    scores = [float(line.split(",")[column]) for line in lines[1:] if line.split(",")[column]]
    assert len(scores) == 3
    assert all(after < before for before, after in pairwise(scores))
    assert (trained / "images" / "reconstructions.png").exists()


def test_a_finished_run_is_left_alone_and_reported_anew(work, trained):
    before = (trained / "summary.json").read_bytes()
    done = call(work, "-m", "vael.cli", "train", str(trained))
    assert done.returncode == 0, done.stderr
    assert "is finished" in done.stdout
    assert (trained / "summary.json").read_bytes() == before
    (trained / "report.html").unlink()
    done = call(work, "-m", "vael.cli", "report", str(trained), path="conf")  # without the code
    assert done.returncode == 0, done.stderr
    assert (trained / "report.html").stat().st_size > 10_000


def test_its_config_alone_trains_it_again_to_the_bit(trained, mylab, tmp_path):
    again = tmp_path / "again"
    again.mkdir()
    (again / "config.yaml").write_bytes((trained / "config.yaml").read_bytes())
    run.train(again)
    first, second = (
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for folder in (trained, again)
    )
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_config_dir_finds_the_same_yamls_and_the_data_names_its_likelihood(work):
    whole = train(work, search(work), *CHOICES, "--cfg", "job")
    short = train(work, "--config-dir", "conf", "model=my_vae", "data=my_data", "--cfg", "job")
    assert short.returncode == 0, short.stderr
    assert short.stdout == whole.stdout
    assert "_target_: mylab.laplace.Laplace" in short.stdout


def test_the_mass_of_the_laplace_sums_to_1_and_is_the_integral_of_its_density(mylab):
    laplace = mylab("mylab.laplace").Laplace((1,), 9, b=0.07).double()
    mu = torch.linspace(-2, 3, 41, dtype=torch.float64)[None, :, None, None]
    px = laplace(mu)
    grid = torch.arange(9, dtype=torch.float64) / 8
    mass = torch.stack([px.log_mass(x.expand(41, 1)) for x in grid]).exp()
    torch.testing.assert_close(mass.sum(0), torch.ones(1, 41, dtype=torch.float64))
    oracle = torch.distributions.Laplace(mu[..., 0, 0], px.log_b.detach().exp())
    inner = oracle.cdf(grid[1:-1, None, None] + 1 / 16) - oracle.cdf(
        grid[1:-1, None, None] - 1 / 16)
    torch.testing.assert_close(mass[1:-1], inner, rtol=1e-6, atol=1e-13)


BAD = {
    "no package": ([], "conf", "No module named 'mylab'. Install its package, or put the folder "
                               "that holds it on PYTHONPATH"),
    "no such folder": (["hydra.searchpath=[file:///no/such/folder]"], "package",
                       "hydra.searchpath: /no/such/folder is not a folder"),
    "typo": (["model.encoder.widht=3"], "package", "Did you mean model.encoder.width"),
    "net": (["model.encoder._target_=mylab.wrong.Transposed",
             "model.encoder.width=3"], "package",
            "cannot be multiplied (1x64 and 3x3) (PLACE/mylab/wrong.py, line 13). model.encoder"),
    "objective": (["objective._target_=mylab.wrong.Bare"], "package",
                  "(mylab.wrong.Bare) must return a vael.trace.Loss, but returned a Tensor."),
    "sum": (["likelihood._target_=mylab.wrong.Unsummed"], "package",
            "must sum log p(x|z) over the dimensions of an example, to shape (S, B) = (1, 1), but "
            "gave (1, 1, 1, 8, 8)."),
    "callback": (["callbacks.extra.mine={_target_: mylab.Mine}"], "package",
                 "your own callbacks are added with a plus: +callbacks.extra.NAME=..."),
    "option": (["model=my_vea"], "package", "no such option; choose from conv_vae, linear_vae, "
                                            "mlp_vae, my_vae"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_gets_one_line_and_no_folder(work, name, tmp_path):
    given, path, said = BAD[name]
    found = [] if any(g.startswith("hydra.searchpath") for g in given) else [search(work)]
    done = train(work, *found, *CHOICES, *given, f"output_dir={tmp_path / 'out'}", path=path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert said.replace("PLACE", str(work / path)) in line
    assert not list(tmp_path.glob("out/*/*"))


NETS = """
latent_dim: 3
encoder: {{_target_: {}, width: {}}}
decoder: {{_target_: mylab.nets.TwoLayers, width: 4}}
"""
BROKEN = {
    "brace": ("encoder: {width: 3", r"broken\.yaml., line 1, .* expected ',' or '}'"),
    "interpolation": (NETS.format("mylab.nets.TwoLayers", "'${model.widht}'"),
                      r"'model\.widht' not found \(model\.encoder\.width\)"),
    "encoding": ("# Gr\udcf6sse\nlatent_dim: 3", r"not UTF-8: .*'# Gr\\xf6sse"),
    "class": (NETS.format("mylab.nets.TwoLayer", 4),
              r"model\.encoder \(mylab\.nets\.TwoLayer\) .*: mylab\.nets has no TwoLayer\.$"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_yaml_of_ones_own_gets_one_line_and_no_folder(work, name, tmp_path):
    text, said = BROKEN[name]
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "broken.yaml").write_text(text, errors="surrogateescape")
    done = train(work, search(tmp_path), "model=broken", f"output_dir={tmp_path / 'out'}")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("vael: ")
    assert re.search(said, line), line
    assert not list(tmp_path.glob("out/*/*"))


@pytest.mark.slow
def test_it_trains_on_two_devices(work, trained, tmp_path):
    done = train(work, search(work), *CHOICES, *SHORT, "trainer.devices=2",
                 f"output_dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    (folder,) = tmp_path.glob("*/*")
    summary = json.loads((folder / "summary.json").read_text())
    alone = json.loads((trained / "summary.json").read_text())
    assert summary["devices"] == 2
    assert summary["metrics"]["test/bpd"] == pytest.approx(alone["metrics"]["test/bpd"], rel=0.05)
