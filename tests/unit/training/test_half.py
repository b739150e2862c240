"""Training in fp16 with the scaler of gradients, on a CPU: what it sees are true gradients."""

import math

import pytest
import pytorch_lightning as pl
import torch
from helpers.identical import assert_same, rows
from helpers.runs import make_run
from helpers.steps import SMALL, left_by
from pytorch_lightning.plugins.precision import MixedPrecision

from vael.training.fit import train


@pytest.fixture
def half(monkeypatch):
    """Trainers get 16-mixed with a scaler that begins at a given scale."""
    init = pl.Trainer.__init__

    def of(scale):
        def make(self, *args, precision, plugins, **settings):
            scaler = torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=5)
            plugins = [*plugins, MixedPrecision("16-mixed", "cpu", scaler)]
            init(self, *args, plugins=plugins, **settings)

        monkeypatch.setattr(pl.Trainer, "__init__", make)

    return of


@pytest.mark.parametrize("scale", [2.0**4, 2.0**18])
@pytest.mark.parametrize(
    "options",
    [
        ("trainer.gradient_clip_val=100",),
        ("trainer.skip_gradient_above=1340", "callbacks.ema.decay=0.9"),
    ],
)
def test_groups_are_single_steps_in_fp16_too(tmp_path, half, scale, options):
    """Scale, weights, moments and counts; 2^18 overflows at first, and the scaler halves it."""
    half(scale)
    found = []
    for most in ("1", "null"):
        folder = make_run(tmp_path / most, *SMALL, *options, f"trainer.group={most}")
        train(folder)
        found.append(left_by(folder))
    assert_same(*found)
    kept = found[0]["last.ckpt"]["MixedPrecision"]["scale"]
    assert kept > scale if scale < 2**10 else kept < scale  # it was adapted


@pytest.mark.parametrize("most", ["1", "null"])
def test_the_norm_of_the_gradient_is_that_of_float32(tmp_path, half, most):
    """A fused optimiser would unscale in its kernel, after norm, clipping and skipping."""
    norms = []
    for scale in (None, 2.0**6):
        if scale:
            half(scale)
        folder = make_run(
            tmp_path / str(scale),
            *SMALL,
            "trainer.max_epochs=1",
            "trainer.log_every_n_steps=1",
            f"trainer.group={most}",
        )
        train(folder)
        norms.append(float(next(rows(folder))["train/grad_norm"]))
    assert math.isclose(*norms, rel_tol=0.02)
