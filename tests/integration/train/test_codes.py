"""A run with discrete codes: its whole life, and what it is refused with."""

import math
import re

import numpy as np
import pytest
import torch
from helpers.identical import assert_same, read, rows, weights
from helpers.runs import QUICK, config_of, make_run
from starlette.testclient import TestClient

import vael
from vael.config.build import build_data, build_seeds
from vael.errors import ConfigError, DataError
from vael.evaluation.evaluate import evaluate_run
from vael.evaluation.request import EvaluationRequest
from vael.evaluation.verify import verify_run
from vael.pretrained.explore.app import make_explore_app
from vael.pretrained.explore.session import open_session
from vael.pretrained.export.export import export_model
from vael.pretrained.generate.kinds import generate_file
from vael.pretrained.generate.request import GenerateRequest
from vael.report.page import write_report
from vael.runs.extension import extend_run
from vael.training.fit import train

KINDS = {
    "vq": ("latents=vq", "latents.codebook_size=32", "latents.codes=2"),
    "fsq": ("latents=fsq", "latents.levels=[4,3]", "latents/prior=autoregressive"),
}
CODES = {"vq": (2, 32), "fsq": (2, 12)}


@pytest.fixture(scope="module", params=KINDS)
def run(tmp_path_factory, request):
    folder = make_run(tmp_path_factory.mktemp(request.param), *QUICK, *KINDS[request.param])
    train(folder)
    return folder


def held_out():
    """The test examples of these runs."""
    config = config_of(*QUICK)
    data = build_data(config, build_seeds(config))
    data.prepare()
    arrays, index = data.select("test")
    return arrays.x[index]


def kind_of(run):
    return "vq" if "codebook_size" in (run / "config.yaml").read_text() else "fsq"


def test_it_is_trained_by_its_bits_and_tells_the_use_of_its_codes(run):
    _, size = CODES[kind_of(run)]
    summary, found = read(run), list(rows(run))
    assert (summary["status"], summary["target"]) == ("finished", "val/bpd")
    assert any("all on one code" in text for text in summary["warnings"])
    assert not any("collapse" in text for text in summary["warnings"])
    scores = summary["metrics"]
    assert 1 / size <= scores["test/code_usage"] <= 1
    assert 1 <= scores["test/code_perplexity"] <= size
    bits = (scores["test/distortion"] + scores["test/rate"]) / (64 * math.log(2))
    assert scores["test/bpd"] == pytest.approx(bits, rel=1e-5)
    assert scores["test/iwae"] == pytest.approx(scores["test/elbo"], rel=1e-6)
    shown = {name for row in found for name, value in row.items() if value}
    assert ("train/commitment" in shown) == (kind_of(run) == "vq")
    images = {path.stem for path in (run / "images").glob("*.png")}
    assert images >= {"reconstructions", "samples", "codebook", "code_usage"}
    assert not images & {"traversal", "latent_scatter"}


def test_evaluation_has_the_bits_under_both_priors(run):
    length, size = CODES[kind_of(run)]
    found = evaluate_run(EvaluationRequest(run, samples=20))
    bounds, codes = found["bounds"], found["latents"]["codes"]
    assert bounds["1"]["bpd"] == pytest.approx(bounds["20"]["bpd"], rel=1e-9)
    assert found["scores"]["gap"] == pytest.approx(0, abs=1e-4)
    assert bounds["20"]["bpd"] == pytest.approx(read(run)["metrics"]["test/bpd"], rel=1e-6)
    uniform = (found["scores"]["distortion"] + length * math.log(size)) / (64 * math.log(2))
    assert codes["bpd_uniform"] == pytest.approx(uniform, rel=1e-5)
    used = vael.load(run).codes(held_out()).unique()
    assert codes["code_usage"] == pytest.approx(len(used) / size)
    assert "all on one code" in found["warnings"][0]
    write_report(run)
    assert "Bits per dimension, codes all alike" in (run / "report.html").read_text()
    assert verify_run(run).same


def test_codes_are_encoded_decoded_sampled_and_exported(run, tmp_path):
    length, size = CODES[kind_of(run)]
    model, x = vael.load(run), held_out()[:7]
    codes = model.codes(x)
    assert codes.shape == (7, length)
    torch.testing.assert_close(model.decode_codes(codes), model.reconstruct(x))
    torch.testing.assert_close(model.decode(model.encode(x).mu), model.reconstruct(x))
    assert model.sample(5).shape == (5, 1, 8, 8)
    for bad in (codes + size, codes.float(), codes[0]):
        with pytest.raises(DataError, match="codes must be"):
            model.decode_codes(bad)
    with pytest.raises(ConfigError, match="temperature must be 1"):
        model.sample(5, temperature=0.5)
    target = tmp_path / "codes.npz"
    made = np.load(generate_file(GenerateRequest(run, "encodings", 7, output=target)))
    assert made["codes"].shape == (7, length)
    again = vael.load(export_model(run, output=tmp_path / "export"))
    assert torch.equal(again.codes(x), codes)
    assert torch.equal(again.sample(5), model.sample(5))
    card = (tmp_path / "export" / "README.md").read_text()
    assert "posterior" not in card


def test_what_needs_a_way_between_latents_is_refused(run):
    for request in (
        GenerateRequest(run, "traversal"),
        GenerateRequest(run, "interpolation"),
        GenerateRequest(run, "samples", sampler="mixture"),
    ):
        with pytest.raises(ConfigError, match="a model of codes"):
            generate_file(request)


def test_the_explorer_chooses_the_codes_of_a_place(run):
    """What it decodes for z off the codebook is what the nearest codes stand for."""
    length, size = CODES[kind_of(run)]
    session, model = open_session(run), vael.load(run)
    client = TestClient(make_explore_app(session), base_url="http://127.0.0.1")
    facts = client.get("/api/model").json()
    assert facts["codes"] == {"size": size}
    assert facts["layout"] == {"layers": 1, "rows": 1, "columns": length}
    codes = model.codes(held_out())
    z = client.get("/api/examples/3").json()["z"]
    found = client.post("/api/codes", json={"z": [z], "place": 1}).json()
    assert found["codes"] == codes[3].tolist()
    most = int(codes[:, 1].bincount().max())
    best = max(found["options"], key=lambda option: option["share"])
    assert best["share"] == pytest.approx(most / len(codes))
    for option in found["options"]:
        changed = codes[3:4].clone()
        changed[0, 1] = option["code"]
        moved = session.choose(torch.tensor(option["z"]), 0)["codes"]
        assert moved == changed[0].tolist()
        wanted = model.decode_codes(changed).clamp(0, 1) * 255
        frame = np.frombuffer(session.decode(torch.tensor([option["z"]])), np.uint8)
        assert np.abs(frame.reshape(8, 8, 4)[..., 0] - wanted[0, 0].numpy()).max() < 0.51
    near = torch.tensor([z]) + 1e-3
    assert session.decode(near) == session.decode(torch.tensor([z]))
    drawn = client.post("/api/sample", json={"count": 5, "temperature": 1, "seed": 0}).json()
    assert np.shape(drawn["z"]) == (5, session.latent_dim)
    hot = client.post("/api/sample", json={"count": 5, "temperature": 0.5, "seed": 0})
    assert (hot.status_code, "must be 1" in hot.json()["error"]) == (422, True)
    off = client.post("/api/codes", json={"z": [z], "place": length})
    assert off.json()["error"] == f"place must be from 0 to {length - 1}, but is {length}."


@pytest.mark.slow
def test_its_graphs_give_the_same_codes(run, tmp_path):
    """The export compares them with torch's."""
    import onnxruntime

    target = export_model(run, "onnx", output=tmp_path / "export")
    x = held_out()[:7]
    session = onnxruntime.InferenceSession(target / "encoder.onnx")
    seen = vael.load(run).prepare(x).numpy()
    _, codes = session.run(["mu", "codes"], {"x": seen})
    assert np.array_equal(codes, vael.load(run).codes(x).numpy())


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_goes_on_is_the_one_that_never_stopped(tmp_path, kind):
    """The codebook, its use and the counts of the prior are in the checkpoint."""
    restless = ("latents.decay=0.8", "latents.restart=0.5") if kind == "vq" else ()
    small = (*QUICK, *KINDS[kind], *restless, "report=false", "evaluation.test=false")
    whole = make_run(tmp_path / "whole", *small, "trainer.max_epochs=2")
    train(whole)
    parted = make_run(tmp_path / "parted", *small, "trainer.max_epochs=1")
    train(parted)
    extend_run(parted, ["trainer.max_epochs=2"])
    train(parted)
    assert_same(weights(parted)["state_dict"], weights(whole)["state_dict"])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["latents.codebook_size=10000"], "must not be larger than the number of vectors"),
        (["latents.codebook_size=1"], "codebook_size must be at least 2, but got 1"),
        (["latents=fsq", "latents.levels=[8,1]"], "whole numbers of at least 2"),
        (["objective=bound"], "objective=elbo, or latents=flat"),
        (["objective=wae"], "objective=elbo, or latents=flat"),
        (["objective=beta_tc"], "objective=elbo, or latents=flat"),
        (["objective.num_samples=2"], "num_samples must be 1 with codes"),
        (["prior=vamp"], r"prior .* is of no use to latents .*: leave prior=\.\.\. out"),
        (["posterior=full_normal"], r"posterior .* is of no use to latents"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line_before_the_first_step(tmp_path, settings, said):
    run = make_run(tmp_path, *QUICK, *KINDS["vq"][:1], *settings)
    with pytest.raises(ConfigError) as refused:
        train(run, discard_on_error=True)
    assert re.search(said, str(refused.value))
    assert "\n" not in str(refused.value)
    assert not run.exists()


def test_a_model_of_other_latents_has_no_codes(tmp_path):
    run = make_run(tmp_path, *QUICK, "trainer.max_epochs=1", "report=false")
    train(run)
    with pytest.raises(ConfigError, match="has no codes"):
        vael.load(run).codes(held_out()[:1])
