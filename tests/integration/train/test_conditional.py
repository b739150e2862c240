"""A conditional run from its training to what is done with it."""

import json

import numpy as np
import pytest
import torch
from helpers.runs import trained_run
from PIL import Image
from scipy.special import logsumexp
from sklearn.datasets import load_digits
from starlette.testclient import TestClient

import vael
from vael.errors import ConfigError
from vael.evaluation.evaluate import evaluate_run
from vael.evaluation.request import EvaluationRequest
from vael.pretrained.explore.app import make_explore_app
from vael.pretrained.explore.session import open_session
from vael.pretrained.export.export import export_model
from vael.pretrained.generate.kinds import generate_file
from vael.pretrained.generate.request import GenerateRequest
from vael.report.comparison.page import write_comparison
from vael.runs.comparison import compare_runs
from vael.runs.evaluation_file import evaluation_text
from vael.runs.listing import list_runs
from vael.runs.summary import summary_text


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    settings = ("condition=label", "trainer.max_epochs=9", "report=true")
    return trained_run(tmp_path_factory.mktemp("label"), *settings)


def test_the_test_scores_are_measured_again(run):
    found = evaluate_run(EvaluationRequest(run, samples=5))
    summary = json.loads((run / "summary.json").read_text())
    assert found["bounds"]["5"]["bpd"] == pytest.approx(summary["metrics"]["test/bpd"], rel=1e-6)
    assert found["comparable"]["condition"] == "label"
    assert "given label: these are numbers of p(x|c)" in evaluation_text(found)
    assert any("own prior p(z|c)" in warning for warning in found["warnings"])


def test_a_run_that_is_told_nothing_is_not_compared_with_it(run, tmp_path):
    other = trained_run(tmp_path, "trainer.max_epochs=1", "report=false")
    with pytest.raises(vael.VaelError, match="condition is label for"):
        compare_runs([run, other])
    assert "condition is label for A and none for B" in write_comparison(run, other).read_text()


def test_every_place_that_shows_the_score_says_what_it_is_given(run):
    summary = json.loads((run / "summary.json").read_text())
    assert "given label: these are numbers of p(x|c)" in summary_text(summary)
    (listed,) = list_runs(run.parent)
    score = f"{summary['metrics']['val/bpd']:.4f}"
    assert listed.score_text == f"val/bpd {score} given label"
    assert "mlp_vae on digits, given label" in (run / "report.html").read_text()


def test_the_class_under_which_a_digit_is_likeliest_is_mostly_its_own(run):
    """Of ten classes chance finds 10 %; of 200 digits more than 60 is 1e-14 by chance."""
    digits = load_digits()
    x, y = digits.images[:200] / 16, digits.target[:200]
    model = vael.load(run)
    scores = np.stack([model.log_prob(x, 5, label=k).numpy() for k in range(10)])
    assert (scores.argmax(0) == y).sum() > 60
    of_own = model.log_prob(x, 5, label=y).numpy()
    np.testing.assert_allclose(of_own, scores[y, np.arange(200)])
    assert (logsumexp(scores, 0) >= of_own).all()


def test_a_sample_of_a_class_is_what_its_decoder_makes_of_the_moved_noise(run):
    model = vael.load(run)
    made = model.sample(3, label=7)
    each = model.sample(3, label=[7, 2, 7])
    assert torch.equal(made[[0, 2]], each[[0, 2]])
    assert not torch.equal(made[1], each[1])
    p = model.prior(label=7)
    assert p.mean.shape == (1, 4)
    mu = model.encode(load_digits().images[:2] / 16, label=7).mu
    torch.testing.assert_close(model.decode(mu, label=[7, 2])[0], model.decode(mu[0], label=7)[0])
    with pytest.raises(ConfigError, match="tell it a class"):
        model.sample(3)


def test_samples_are_drawn_of_every_class_or_of_one(run, tmp_path):
    model = vael.load(run)

    def made(**options):
        request = GenerateRequest(run, "samples", **options, output=tmp_path / "a.npz", force=True)
        return dict(np.load(generate_file(request)))

    every = made(count=30)
    assert every["label"].tolist() == np.repeat(range(10), 3).tolist()
    np.testing.assert_array_equal(every["x"][6:9], model.sample(3, label=2).numpy())
    np.testing.assert_array_equal(made(count=3, label=2)["x"], every["x"][6:9])
    assert made(count=2, label=1, sampler="mixture")["x"].shape == (2, 1, 8, 8)
    with pytest.raises(ConfigError, match="needs --label or --given"):
        made(sampler="mixture")


@pytest.mark.parametrize("options", [{}, {"label": 4}])
@pytest.mark.parametrize("kind", ["traversal", "interpolation"])
def test_ways_through_the_latents_are_shown_in_the_class_of_the_example_or_in_another(
    run, tmp_path, kind, options
):
    request = GenerateRequest(run, kind, 2, steps=3, output=tmp_path / "a.png", **options)
    assert generate_file(request).is_file()


def test_an_example_is_shown_as_every_class(run, tmp_path):
    path = generate_file(GenerateRequest(run, "classes", 2, output=tmp_path / "a.png"))
    with Image.open(path) as picture:
        width, height = picture.size
    assert width > 11 * 80  # the example, and ten classes
    assert 2 * 80 <= height < 3 * 80


@pytest.mark.slow
def test_an_onnx_graph_takes_the_label_beside_its_input(run, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    folder, model = export_model(run, "onnx", tmp_path / "onnx"), vael.load(run)
    x, y = load_digits().images[:5, None] / 16, np.array([3, 0, 9, 3, 1])
    graphs = {
        name: onnxruntime.InferenceSession(folder / f"{name}.onnx")
        for name in ("encoder", "decoder")
    }
    feed = {"x": x.astype(np.float32), "label": y}
    mu, sigma = graphs["encoder"].run(None, feed)
    wanted = model.encode(x, label=y)
    np.testing.assert_allclose(mu, wanted.mu, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sigma, wanted.sigma, rtol=1e-4, atol=1e-5)
    (found,) = graphs["decoder"].run(None, {"z": mu, "label": y})
    np.testing.assert_allclose(found, model.decode(wanted.mu, label=y), rtol=1e-4, atol=1e-5)
    assert "label: (N,) int64" in (folder / "README.md").read_text()


def test_an_export_is_told_what_its_run_is(run, tmp_path):
    again, model = vael.load(export_model(run, output=tmp_path / "export")), vael.load(run)
    assert torch.equal(again.sample(2, label=6), model.sample(2, label=6))


def test_the_explorer_decodes_and_draws_as_the_class_that_is_chosen(run):
    session, model = open_session(run), vael.load(run)
    client = TestClient(make_explore_app(session), base_url="http://127.0.0.1")
    assert client.get("/api/model").json()["told"] == [{"name": "label", "classes": 10}]
    example = client.get("/api/examples/3").json()
    x, y = session.trained.data.head("test", 4).x[3:], session.atlas.colourings[0].values[3]
    assert example["told"] == [y]
    mu = model.encode(x, label=y).mu
    np.testing.assert_allclose(example["z"], mu[0], rtol=1e-4, atol=1e-5)
    for label in (y, 7):
        frame = client.post("/api/decode", json={"z": [example["z"]], "told": [label]}).content
        grey = np.frombuffer(frame, np.uint8).reshape(8, 8, 4)[..., 0]
        wanted = 255 * model.decode(mu, label=label)[0, 0].numpy()
        assert np.abs(grey - wanted).max() < 1.01
    asked = {"count": 1, "temperature": 0, "seed": 1, "told": [7]}
    drawn = client.post("/api/sample", json=asked).json()["z"]
    np.testing.assert_allclose(drawn, model.prior(label=7).mean, rtol=1e-5, atol=1e-6)
    for told in ([10], [0.5], [], None, ["a"]):
        refused = client.post("/api/decode", json={"z": [example["z"]], "told": told})
        assert refused.status_code == 400
        assert "told must be" in refused.json()["error"]


def test_columns_of_a_table_are_told_and_no_part_of_what_is_explained(tmp_path):
    x = np.random.default_rng(0).normal([40, 0, 1], size=(300, 3))
    np.savetxt(tmp_path / "t.csv", x, delimiter=",", header="age,a,b", comments="")
    run = trained_run(
        tmp_path,
        *("data=array", f"data.path={tmp_path / 't.csv'}", "data.limit=null", "report=false"),
        *("condition=columns", "condition.names=[age]", "trainer.max_epochs=1"),
    )
    model = vael.load(run)
    assert (model.spec.columns, model.spec.context) == (("a", "b"), (("age", 0),))
    assert abs(float(model.vae.condition.shift) - 40) < 0.5  # 7 standard errors of the mean
    drawn = model.sample(2, given={"age": [30, 50]})
    assert drawn.shape == (2, 2)
    found = evaluate_run(EvaluationRequest(run, samples=5))
    summary = json.loads((run / "summary.json").read_text())
    assert found["scores"]["elbo"] == pytest.approx(summary["metrics"]["test/elbo"], rel=1e-5)
    assert found["comparable"]["condition"] == "columns (age)"
    with pytest.raises(ConfigError, match="age"):
        model.sample(2)
