"""A trained model of images of real numbers: its arrays, pictures and pages."""

import io
import json

import numpy as np
import pytest
import torch
from helpers.runs import trained_run
from PIL import Image

import vael
from vael.errors import ConfigError
from vael.pretrained.explore.session import open_session
from vael.pretrained.export.onnx import export_decoder, export_encoder
from vael.pretrained.generate.kinds import generate_file
from vael.pretrained.generate.request import GenerateRequest
from vael.report.tiles import REACH, REAL, make_tiles, show_real

X = 300 + 20 * np.random.default_rng(0).normal(size=(60, 8, 9))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    np.save(folder / "x.npy", X)
    settings = (
        "data.support=real",
        "data.batch_size=8",
        "trainer.max_epochs=1",
        "data.limit=null",
    )
    return trained_run(folder, "report=true", "data=array", f"data.path={folder}/x.npy", *settings)


def test_black_and_white_are_three_standard_deviations_away():
    x = torch.tensor([-9.0, -REACH, 0, REACH, 9]).reshape(5, 1, 1, 1)
    shown = show_real(x).flatten()
    torch.testing.assert_close(shown[1:4], torch.tensor([0, 0.5, 1]))
    assert [tile[0, 0, 0] for tile in make_tiles(show_real(x))] == [0, 0, 128, 255, 255]


def test_numbers_are_in_the_units_of_the_data(run):
    model = vael.load(run)
    assert abs(float(model.sample(20).mean()) - 300) < 20
    again = model.reconstruct(X[:4, None])
    assert again.shape == (4, 1, 8, 9)
    assert abs(float(again.mean()) - 300) < 20
    assert torch.isfinite(model.log_prob(X[:4, None], samples=2)).all()
    metrics = json.loads((run / "summary.json").read_text())["metrics"]
    assert "test/elbo" in metrics
    assert not [name for name in metrics if "bpd" in name or "psnr" in name]


@pytest.mark.parametrize("kind", ["samples", "reconstructions", "traversal", "interpolation"])
def test_pictures_say_their_range(run, tmp_path, kind):
    path = generate_file(GenerateRequest(run, kind, output=tmp_path / f"{kind}.png"))
    with Image.open(path) as picture:
        assert picture.info["Description"].endswith(REAL)
        grey = np.asarray(picture.convert("LA"), float)
    inside = grey[..., 0][grey[..., 1] == 255]
    assert 90 < np.median(inside) < 165  # the mean of the data is grey, not white


def test_the_report_says_the_range(run):
    assert (run / "report.html").read_text().count(REAL.strip().split("(")[0].strip()) >= 3
    with Image.open(run / "images" / "samples.png") as picture:
        assert picture.info["Description"].endswith(REAL)


def test_the_page_shows_the_same_greys_and_takes_no_picture_file(run):
    session = open_session(run)
    frame = np.frombuffer(session.original(0), np.uint8).reshape(8, 9, 4)
    _, index = session.trained.data.select("test")
    x = session.trained.preprocess(torch.tensor(X[index[0]], dtype=torch.float32)[None, None])
    wanted = (show_real(x).clamp(0, 1) * 255).round()[0, 0].numpy()
    np.testing.assert_allclose(frame[..., 0], wanted, atol=1)
    file = io.BytesIO()
    Image.fromarray(np.zeros((8, 9), np.uint8)).save(file, "PNG")
    with pytest.raises(ConfigError, match="images of real numbers"):
        session.encode(file.getvalue(), False)


def test_onnx_takes_and_gives_the_units_of_the_data(run):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model = vael.load(run)
    x = X[:3, None].astype(np.float32)
    encoder, decoder = (
        onnxruntime.InferenceSession(make(model).content, providers=["CPUExecutionProvider"])
        for make in (export_encoder, export_decoder)
    )
    mu = encoder.run(None, {"x": x})[0]
    np.testing.assert_allclose(mu, model.encode(x).mu, rtol=1e-4, atol=1e-5)
    (mean,) = decoder.run(None, {"z": mu})
    np.testing.assert_allclose(mean, model.decode(mu), rtol=1e-4)
    assert abs(mean.mean() - 300) < 20
