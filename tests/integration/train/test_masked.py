"""Tables with holes and series of different lengths: stopped and continued, on two devices."""

import json
import subprocess
import sys

import numpy as np
import pytest
from helpers.identical import assert_same, metrics, weights
from helpers.runs import ROOT, make_run

from vael.runs.extension import extend_run
from vael.training.fit import train

pytestmark = pytest.mark.slow
SMALL = (
    *("logger=csv", "report=false", "trainer.max_epochs=2", "data.batch_size=16"),
    *("model.latent_dim=2", "model.encode_mask=true", "callbacks.pictures.num_examples=8"),
    *("evaluation.samples=2", "evaluation.test_samples=2"),
)
DENSE = ("model=mlp_vae", "model.encoder.hidden=[8]", "model.decoder.hidden=[8]")
KINDS = {
    "table": ("data=array", "data.missing=mask", *DENSE),
    "image": ("data=array", "data.missing=mask", "likelihood=beta_binomial", *DENSE),
    "series": (
        *("data=series", "model=tcn_vae", "model.encoder.width=4", "model.decoder.width=4"),
        *("model.encoder.blocks=2", "model.decoder.blocks=2", "model.encoder.hidden=4"),
    ),
}


@pytest.fixture(params=KINDS)
def settings(request, tmp_path):
    """Those of a run on data of a kind."""
    rng, file = np.random.default_rng(0), tmp_path / "x.npz"
    if request.param == "series":
        np.savez(file, x=rng.normal(size=(90, 9, 2)), lengths=rng.integers(3, 10, 90))
        return (*SMALL, *KINDS["series"], f"data.path={file}")
    shape = (90, 4) if request.param == "table" else (90, 1, 6, 6)
    hidden = rng.random(shape) < 0.3
    hidden.reshape(90, -1)[:, 0] = False
    if request.param == "table":
        x = np.where(hidden, np.nan, rng.normal(size=shape)).astype(np.float32)
        np.savez(file, x=x)
    else:
        np.savez(file, x=rng.integers(0, 256, shape, dtype=np.uint8), mask=~hidden)
    return (*SMALL, *KINDS[request.param], f"data.path={file}")


def test_a_run_that_goes_on_is_the_one_that_never_stopped(settings, tmp_path):
    whole = make_run(tmp_path / "whole", *settings)
    train(whole)
    parted = make_run(tmp_path / "parted", *settings, "trainer.max_epochs=1")
    train(parted)
    extend_run(parted, ["trainer.max_epochs=2"])
    train(parted)
    assert_same(weights(parted)["state_dict"], weights(whole)["state_dict"])
    assert metrics(parted) == metrics(whole)


def test_the_same_weights_have_the_same_scores_on_two_devices(settings, tmp_path):
    """By rounding alone: noise in training is keyed by rank, and no step changes the weights."""
    found = []
    for devices in (1, 2):
        place = tmp_path / str(devices)
        more = (f"trainer.devices={devices}", f"output_dir={place}", "optimizer.lr=1e-30")
        command = [sys.executable, str(ROOT / "train.py"), *settings, *more]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
        assert done.returncode == 0, done.stderr
        (run,) = place.glob("*/*")
        found.append(json.loads((run / "summary.json").read_text())["metrics"])
    alone, together = found
    assert alone["test/elbo"] < 0
    for name in alone:
        if name.startswith(("val/", "test/")):
            assert together[name] == pytest.approx(alone[name], rel=1e-6), name
