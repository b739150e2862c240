"""Series of different lengths, trained, scored, drawn and explored."""

import json

import numpy as np
import pytest
import torch
from helpers.runs import make_run
from PIL import Image

import vael
from vael.errors import ConfigError
from vael.evaluation.evaluate import score_run
from vael.evaluation.request import EvaluationRequest
from vael.evaluation.verify import verify_run
from vael.pretrained.explore.session import open_session
from vael.pretrained.generate.kinds import generate_file
from vael.pretrained.generate.request import GenerateRequest
from vael.training.fit import train

TINY = (
    *("data=series", "model=tcn_vae", "logger=csv", "trainer.max_epochs=2", "data.batch_size=16"),
    *("model.latent_dim=2", "model.encoder.width=4", "model.decoder.width=4"),
    *("model.encoder.blocks=2", "model.decoder.blocks=2", "model.encoder.hidden=4"),
    *("evaluation.samples=2", "evaluation.test_samples=2", "callbacks.pictures.num_examples=8"),
)


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("series"), np.random.default_rng(0)
    lengths = rng.integers(3, 10, 60)
    x = np.sin(rng.uniform(0, 6, (60, 1, 1)) + np.arange(9)[:, None] / 2 + np.arange(2))
    np.savez(
        folder / "waves.npz", x=x + rng.normal(size=x.shape) / 10, lengths=lengths, y=lengths % 3
    )
    return folder / "waves.npz"


@pytest.fixture(scope="module")
def run(series, tmp_path_factory):
    folder = make_run(
        tmp_path_factory.mktemp("run"), *TINY, f"data.path={series}", "model.encode_mask=true"
    )
    train(folder)
    return folder


def test_a_padded_batch_scores_as_the_series_alone(run, tmp_path):
    """log p(x|z), the rate and so the loss of each; the model is built anew for its length."""
    model = vael.load(run)
    x = model.prepare(np.load(model.config.data.path)["x"].transpose(0, 2, 1)[:12])
    lengths = np.load(model.config.data.path)["lengths"][:12]
    x[torch.arange(9) >= torch.from_numpy(lengths)[:, None, None].expand(-1, 2, 1)] = torch.nan
    vae = model.vae.double()
    eps = torch.randn(3, 12, 2, dtype=torch.float64)
    whole = vae(x.double(), (eps,))
    for row, length in enumerate(lengths.tolist()):
        decoder = vae.likelihood.net
        keep, decoder.out_shape = decoder.out_shape, (*decoder.out_shape[:-1], length)
        family = vae.likelihood.family
        shape, family.event_shape = family.event_shape, (2, length)
        inner, vae.latents.posterior.in_shape = vae.latents.posterior.in_shape, (4, length)
        alone = vae(x[row : row + 1, :, :length].double(), (eps[:, row : row + 1],))
        decoder.out_shape, family.event_shape = keep, shape
        vae.latents.posterior.in_shape = inner
        for name in ("log_px", "rate"):
            torch.testing.assert_close(
                getattr(alone, name)[:, 0], getattr(whole, name)[:, row], rtol=1e-9, atol=1e-9
            )
    assert len(set(lengths.tolist())) > 3


def test_a_net_that_takes_no_condition_is_named(series, tmp_path):
    untold = "model.encoder._target_=helpers.parts.UntoldEncoder"
    folder = make_run(tmp_path, *TINY, f"data.path={series}", "condition=label", untold)
    with pytest.raises(ConfigError, match=r"model.encoder .*takes no condition.*encoder=false"):
        train(folder)


def test_series_are_drawn_and_scored_given_their_class(series, tmp_path):
    folder = make_run(
        tmp_path, *TINY, f"data.path={series}", "condition=label", "optimizer.lr=0.05"
    )
    train(folder)
    model, x = vael.load(folder), np.load(series)["x"].transpose(0, 2, 1)[:4]
    drawn = model.sample(3, label=[0, 1, 0])
    assert drawn.shape == (3, 2, 9)
    assert torch.equal(drawn[[0, 2]], model.sample(3, label=0)[[0, 2]])
    assert not torch.equal(drawn, model.sample(3, label=0))
    assert not torch.equal(model.encode(x, label=0).mu, model.encode(x, label=2).mu)
    found = score_run(EvaluationRequest(folder, samples=2))
    summary = json.loads((folder / "summary.json").read_text())
    assert found["scores"]["elbo"] == pytest.approx(summary["metrics"]["test/elbo"], rel=1e-5)


def test_scores_are_per_observed_step_and_come_again(run):
    summary = json.loads((run / "summary.json").read_text())
    metrics = summary["metrics"]
    assert summary["status"] == "finished"
    lengths = np.load(vael.load(run).config.data.path)["lengths"]
    per_dim = metrics["val/elbo"] / metrics["val/elbo_per_dim"]
    assert 2 * lengths.min() <= per_dim <= 2 * lengths.max()
    assert verify_run(run).same
    found = score_run(EvaluationRequest(run, samples=2))
    assert np.isfinite(found["bounds"]["2"]["nll"])


def test_pictures_generators_and_explorer_take_them(run, tmp_path):
    for name in ("reconstructions", "samples", "traversal", "latent_scatter"):
        with Image.open(run / "images" / f"{name}.png") as image:
            assert image.width > 200
    for kind in ("samples", "reconstructions", "traversal"):
        request = GenerateRequest(run, kind, 3, output=tmp_path / f"{kind}.png")
        assert generate_file(request).stat().st_size > 1000
    with pytest.raises(ConfigError, match=r"is a picture: add --output FILE\.png"):
        generate_file(GenerateRequest(run, "traversal"))
    session = open_session(run)
    facts = session.facts()
    assert [column["name"] for column in facts["columns"]][:3] == ["0[0]", "0[1]", "0[2]"]
    assert len(facts["columns"]) == 18
    assert len(session.decode(torch.zeros(1, 2))) == 18 * 4
    arrays, index = session.trained.data.select("test")
    ends = np.isnan(np.frombuffer(session.original(1), "<f4").reshape(2, 9))
    np.testing.assert_array_equal(ends, np.isnan(arrays.x[index[1]]))
    assert facts["holes"]
