"""A run on a table with missing values that enter no loss."""

import json

import numpy as np
import pytest
import torch
from helpers.runs import make_run

import vael
from vael.errors import ConfigError
from vael.training.fit import train

SMALL = (
    *("logger=csv", "report=false", "trainer.max_epochs=2", "data=array", "data.batch_size=8"),
    *("model=mlp_vae", "model.latent_dim=2", "model.encoder.hidden=[8]"),
    *("model.decoder.hidden=[8]", "evaluation.samples=2", "evaluation.test_samples=2"),
    "callbacks.pictures.num_examples=8",
)


@pytest.fixture
def table(tmp_path):
    x = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    return x


def run_of(tmp_path, *more):
    run = make_run(tmp_path, *SMALL, f"data.path={tmp_path}/x.npy", *more)
    train(run)
    scores = json.loads((run / "summary.json").read_text())["metrics"]
    del scores["train/examples_per_second"]
    return run, scores


@pytest.mark.slow
def test_a_mask_that_hides_nothing_is_no_mask_to_the_bit(tmp_path, table):
    plain, masked = (run_of(tmp_path, f"data.missing={how}") for how in ("refuse", "mask"))
    per_dim = {n: masked[1].pop(n) for n in ("val/elbo_per_dim", "test/elbo_per_dim")}
    assert masked[1] == plain[1]
    assert per_dim["test/elbo_per_dim"] == plain[1]["test/elbo"] / 4
    weights = [vael.load(run).vae.state_dict() for run, _ in (plain, masked)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_what_stands_in_a_hole_is_never_seen(tmp_path, table):
    """The scores of a trained model are its own on the observed columns, by hand."""
    table[np.random.default_rng(1).random(table.shape) < 0.4] = np.nan
    table[np.isnan(table).all(1), 0] = 0.5
    np.save(tmp_path / "x.npy", table)
    run, scores = run_of(tmp_path, "data.missing=mask", "model.encode_mask=true")
    model = vael.load(run)
    assert all(map(np.isfinite, scores.values()))
    assert model.vae.latents.posterior.in_shape == (8,)
    seen, mask = model.vae.split_holes(model.prepare(table[:7]))
    assert torch.equal(mask, torch.from_numpy(~np.isnan(table[:7])))
    px = model.vae.decode(torch.zeros(1, 7, 2))
    wanted = torch.distributions.Normal(px.mu, px.log_sigma.exp()).log_prob(seen)
    found = model.vae.log_likelihood(px, seen + 9 * ~mask, mask)
    torch.testing.assert_close(found, (wanted * mask).sum(-1))


def test_a_mask_for_the_encoder_needs_a_mask_of_the_data(tmp_path, table):
    with pytest.raises(ConfigError, match=r"model\.encode_mask=true .* set data\.missing=mask"):
        run_of(tmp_path, "model.encode_mask=true")
