"""Runs with several layers of latents that are told the class: their whole life."""

import math

import numpy as np
import pytest
import torch
from helpers.identical import assert_same, read, rows, weights
from helpers.runs import QUICK, make_run
from PIL import Image

import vael
from vael.evaluation.evaluate import evaluate_run
from vael.evaluation.request import EvaluationRequest
from vael.evaluation.verify import verify_run
from vael.pretrained.explore.session import open_session
from vael.pretrained.export.export import export_model
from vael.pretrained.generate.kinds import generate_file
from vael.pretrained.generate.request import GenerateRequest
from vael.report.page import write_report
from vael.runs.extension import extend_run
from vael.training.fit import train

pytestmark = pytest.mark.slow
SMALL = (
    *QUICK,
    *("condition=label", "latents.below=[6]", "latents.hidden=[8]", "trainer.max_epochs=2"),
    *("model.encoder.hidden=[8]", "model.decoder.hidden=[8]"),
)


@pytest.fixture(scope="module", params=["chain", "ladder"])
def latents(request):
    return request.param


@pytest.fixture(scope="module")
def run(tmp_path_factory, latents):
    folder = make_run(tmp_path_factory.mktemp(latents), *SMALL, f"latents={latents}")
    train(folder)
    return folder


def test_the_layers_are_logged_evaluated_and_shown(run):
    scores, found = read(run)["metrics"], evaluate_run(EvaluationRequest(run, samples=5))
    assert scores["test/rate"] == pytest.approx(scores["test/rate_z1"] + scores["test/rate_z2"])
    assert {"val/rate_z1", "val/rate_z2", "val/active_units_z1"} <= {*list(rows(run))[-1]}
    assert found["bounds"]["5"]["bpd"] == pytest.approx(scores["test/bpd"], rel=1e-6)
    layers = found["latents"]["layers"]
    assert layers["active_units_z1"] <= 6
    assert layers["active_units_z2"] <= 4
    assert layers["rate_z2"] == pytest.approx(scores["test/rate_z2"], rel=0.1)
    write_report(run)
    page = (run / "report.html").read_text()
    assert page.index("Rate of z1") > 0
    assert page.index("Active units of z2") > 0
    assert verify_run(run).same


def test_a_class_is_sampled_exchanged_explored_and_exported(run, tmp_path):
    model, x = vael.load(run), torch.rand(5, 1, 8, 8)
    made = model.sample(6, label=3)
    assert made.shape == (6, 1, 8, 8)
    assert not torch.equal(made, model.sample(6, label=4))
    z = model.encode(x, label=3).mu
    assert z.shape == (5, 4)
    for kind in ("samples", "reconstructions", "encodings"):
        file = generate_file(GenerateRequest(run, kind, 4, output=tmp_path / f"{kind}.npz"))
        assert all(np.isfinite(part).all() for part in np.load(file).values()), kind
    for kind in ("classes", "traversal", "interpolation"):
        request = GenerateRequest(run, kind, 4, output=tmp_path / f"{kind}.png")
        assert np.array(Image.open(generate_file(request))).std() > 0, kind
    session = open_session(run, examples=20)
    assert [len(session.facts()["dims"]), session.latent_dim] == [4, 4]
    three, four = (torch.tensor([[k]], dtype=torch.float32) for k in (3.0, 4.0))
    assert session.decode(session.example(0)[None], three) != session.decode(
        session.example(0)[None], four
    )
    again = vael.load(export_model(run, output=tmp_path / "export"))
    assert torch.equal(again.sample(6, label=3), made)
    torch.testing.assert_close(again.decode(z, label=4), model.decode(z, label=4))


def test_its_graphs_agree_with_it(run, tmp_path):
    import onnxruntime

    target, model = export_model(run, "onnx", output=tmp_path / "onnx"), vael.load(run)
    z = torch.randn(3, 4)
    session = onnxruntime.InferenceSession(target / "decoder.onnx")
    (name, *_) = [out.name for out in session.get_outputs()]
    (found,) = session.run([name], {"z": z.numpy(), "label": np.array([1, 2, 3])})
    assert np.abs(found - model.decode(z, label=[1, 2, 3]).numpy()).max() < 1e-5


def test_a_run_that_goes_on_is_the_one_that_never_stopped(run, latents, tmp_path):
    parted = make_run(tmp_path, *SMALL, f"latents={latents}", "trainer.max_epochs=1")
    train(parted)
    extend_run(parted, ["trainer.max_epochs=2"])
    train(parted)
    assert_same(weights(parted)["state_dict"], weights(run)["state_dict"])
    assert math.isfinite(read(parted)["metrics"]["test/bpd"])
