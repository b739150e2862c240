"""vael generate as its user meets it: what is in the files, the same bytes again, bad input."""

import io
import math
import zipfile
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import multivariate_normal
from typer.testing import CliRunner

import vael
from vael.cli.main import app
from vael.data.decode.npz import read_arrays
from vael.errors import CheckpointError, ConfigError
from vael.pretrained.generate.interpolation import interpolate_linear, interpolate_spherical
from vael.pretrained.generate.kinds import generate_file
from vael.pretrained.generate.mixture import Mixture
from vael.pretrained.generate.request import SUFFIXES, GenerateRequest
from vael.pretrained.trained import load_trained

FILES = [
    (kind, suffix)
    for kind, suffixes in SUFFIXES.items()
    for suffix in suffixes
    if kind not in ("classes", "imputations")  # of a conditional model; of data with holes
    and suffix != ".csv"  # of a table
]
NO_KEYS = {"train": None, "val": None, "test": None}


def arrays(path):
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


@pytest.mark.parametrize(("kind", "suffix"), FILES)
def test_the_same_seed_gives_the_same_bytes_and_another_one_others(run, tmp_path, kind, suffix):
    first, again, other = (
        generate_file(
            GenerateRequest(run, kind, count=3, seed=seed, output=tmp_path / f"{name}{suffix}")
        ).read_bytes()
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert first == again
    assert (first != other) == (kind != "encodings")
    if suffix == ".npz":  # a time in the archive would differ later only
        dates = {entry.date_time for entry in zipfile.ZipFile(io.BytesIO(first)).infolist()}
        assert dates == {(1980, 1, 1, 0, 0, 0)}
    elif suffix == ".png":
        assert Image.open(io.BytesIO(first)).text["Description"]


def test_samples_are_those_of_the_model(run, tmp_path):
    request = GenerateRequest(run, "samples", 7, 3, 0.5, output=tmp_path / "a.npz")
    found = arrays(generate_file(request))["x"]
    assert np.array_equal(found, vael.load(run).sample(7, temperature=0.5, seed=3).numpy())
    raw, *_ = read_arrays(request.target, NO_KEYS, NO_KEYS)  # what data=array reads
    assert raw["train"].shape == (7, 1, 8, 8)


def test_samples_of_the_prior_need_no_data(run, tmp_path, monkeypatch):
    def gone(self):
        raise AssertionError("the data was asked for")

    monkeypatch.setattr("vael.data.module.VaelData.prepare", gone)
    assert generate_file(GenerateRequest(run, "samples", output=tmp_path / "a.png")).is_file()


def test_encodings_hold_every_example_in_its_order(run, tmp_path):
    found = arrays(generate_file(GenerateRequest(run, "encodings", output=tmp_path / "a.npz")))
    data = load_trained(run).data
    batch = data.head("test", 10**6)
    mu, sigma = vael.load(run).encode(batch.x)
    assert found.keys() == {"mu", "sigma", "labels"}
    np.testing.assert_allclose(found["mu"], mu, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["sigma"], sigma, rtol=1e-5)
    assert np.array_equal(found["labels"], batch.y)
    few = arrays(
        generate_file(
            GenerateRequest(run, "encodings", 3, split="train", output=tmp_path / "b.npz")
        )
    )
    assert np.array_equal(few["labels"], data.head("train", 3).y)


def test_reconstructions_belong_to_their_examples(run, tmp_path):
    found = arrays(
        generate_file(GenerateRequest(run, "reconstructions", 5, output=tmp_path / "a.npz"))
    )
    again = vael.load(run).reconstruct(found["x"])
    np.testing.assert_allclose(found["reconstruction"], again, atol=1e-6)
    assert (found["x"] * 16 == (found["x"] * 16).round()).all()


def test_animations_go_there_and_back_again_and_move(run, tmp_path):
    for kind in ("traversal", "interpolation"):
        path = generate_file(GenerateRequest(run, kind, steps=5, output=tmp_path / f"{kind}.gif"))
        animation = Image.open(io.BytesIO(path.read_bytes()))
        assert animation.n_frames == 8
        assert animation.info["loop"] == 0
        frames = []
        for number in range(8):
            animation.seek(number)
            frames.append(np.asarray(animation.convert("RGB")).astype(int))
        for there, back in ((1, 7), (2, 6), (3, 5)):
            assert np.array_equal(frames[there], frames[back])
        assert np.abs(frames[0] - frames[4]).max() > 10


def test_an_interpolation_starts_and_ends_at_its_examples(run, tmp_path):
    path = generate_file(
        GenerateRequest(run, "interpolation", 1, steps=4, output=tmp_path / "a.png")
    )
    sheet = Image.open(io.BytesIO(path.read_bytes()))
    tiles = [np.asarray(sheet)[-80:, column * 83 : column * 83 + 80, 0] for column in range(6)]
    model = vael.load(run)
    for original, decoded in ((0, 1), (5, 4)):
        levels = np.round(tiles[original][::10, ::10] / 255 * 16).astype(np.uint8)
        expected = model.reconstruct(levels[None, None])[0, 0].clamp(0, 1) * 255
        np.testing.assert_allclose(tiles[decoded][::10, ::10], expected, atol=1)


def test_ways_meet_their_ends_and_a_sphere_keeps_its_radius():
    a, b = torch.randn(2, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    t = torch.linspace(0, 1, 7, dtype=torch.float64)
    for way in (interpolate_linear, interpolate_spherical):
        torch.testing.assert_close(way(a, b, t)[[0, -1]], torch.stack([a, b]))
    a, b = a / a.norm() * 3, b / b.norm() * 3
    arc = interpolate_spherical(a, b, t)
    torch.testing.assert_close(arc.norm(dim=1), torch.full_like(t, 3.0))
    angles = [math.acos(float(x @ y) / 9) for x, y in pairwise(arc)]
    np.testing.assert_allclose(angles, angles[0], rtol=1e-6)
    assert (interpolate_linear(a, b, t)[3].norm()) < 3
    for c in (a, -a, 0 * a):
        torch.testing.assert_close(interpolate_spherical(a, c, t), interpolate_linear(a, c, t))


def test_a_mixture_is_fitted_to_what_it_is_given_and_sampled_from():
    source = torch.Generator().manual_seed(0)
    left = torch.randn(4000, 2, generator=source) * torch.tensor([0.3, 1.0]) - 4
    right = torch.randn(1000, 2, generator=source) + 4
    z = torch.cat([left, right])
    mixture = Mixture.fit(z, 2, seed=0)
    drawn = mixture.sample(20_000, 1.0, source)
    # 5 standard errors of a mean of 20,000 with a standard deviation of at most 5
    assert (drawn.mean(0) - z.mean(0)).abs().max() < 5 * 5 / math.sqrt(20_000)
    assert (drawn.T.cov() - z.T.cov()).abs().max() < 1
    assert abs((drawn[:, 0] < 0).float().mean() - 0.8) < 0.02
    cold = mixture.sample(1000, 1e-6, source).double()
    assert (cold[:, None] - mixture.means).norm(dim=-1).min(1).values.max() < 1e-4
    order = mixture.weights.argsort()
    covariance = mixture.scale_tril @ mixture.scale_tril.mT
    np.testing.assert_allclose(covariance[order[1]], left.T.cov(), atol=0.05)
    density = multivariate_normal(mixture.means[order[0]], covariance[order[0]])
    assert density.pdf([4, 4]) > 0.1


def test_the_mixture_of_a_run_is_nearer_to_its_encodings_than_the_prior(run, tmp_path):
    path = generate_file(
        GenerateRequest(run, "samples", 300, sampler="mixture", output=tmp_path / "a.npz")
    )
    data = load_trained(run).data.head("test", 300).x / 16
    by_prior = vael.load(run).sample(300)
    found = torch.from_numpy(arrays(path)["x"])
    assert (found.mean(0) - data.mean(0)).abs().mean() < (
        by_prior.mean(0) - data.mean(0)
    ).abs().mean()
    with pytest.raises(ConfigError, match=r"--components must be from 1 to the \d+ encoded"):
        generate_file(
            GenerateRequest(
                run, "samples", sampler="mixture", components=401, output=tmp_path / "b.npz"
            )
        )


def test_a_table_is_generated_in_its_units_and_has_no_traversal(table, tmp_path):
    for kind in ("samples", "reconstructions"):
        assert generate_file(
            GenerateRequest(table, kind, output=tmp_path / f"{kind}.png")
        ).is_file()
    found = arrays(
        generate_file(GenerateRequest(table, "reconstructions", 6, output=tmp_path / "a.npz"))
    )["x"]
    raw = load_trained(table).data.head("test", 10**6).x.numpy()
    assert all(np.isclose(raw, row, rtol=1e-4).all(1).any() for row in found)
    for kind in ("traversal", "interpolation"):
        with pytest.raises(ConfigError, match="shows images, but this model is of a table"):
            generate_file(GenerateRequest(table, kind, output=tmp_path / "a.gif"))


def test_the_command_writes_into_the_run_and_overwrites_only_there(run, tmp_path):
    def call(*options):
        return CliRunner().invoke(app, ["generate", str(run), *options])

    for _ in range(2):
        assert call("samples", "--count", "2").exit_code == 0
    assert (run / "generated" / "samples.png").is_file()
    named = tmp_path / "mine.png"
    named.write_text("precious")
    refused = call("samples", "--output", str(named))
    assert isinstance(refused.exception, ConfigError)
    assert "exists: add --force" in str(refused.exception)
    assert named.read_text() == "precious"
    assert call("samples", "--output", str(named), "--force").exit_code == 0
    assert named.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "dreams"}, "what to generate must be one of samples, "),
        ({"count": 0}, "--count must be at least 1, but got 0"),
        ({"steps": 1}, "--steps must be at least 2, but got 1"),
        ({"dims": -1}, "--dims must be at least 1"),
        ({"components": 0}, "--components must be at least 1"),
        ({"temperature": 0.0}, "--temperature must be a finite number > 0"),
        ({"temperature": float("nan")}, "--temperature must be"),
        ({"seed": -1}, "--seed must be from 0"),
        ({"sampler": "vampire"}, "--sampler must be one of prior, mixture"),
        ({"way": "scenic"}, "--path must be one of spherical, linear"),
        ({"split": "best"}, "--split must be one of train, val, test"),
        ({"kind": "encodings", "label": 1}, "--label and --given are for samples, traversal"),
        ({"given": ("age",)}, "--given must be NAME=VALUE, but got age"),
        ({"checkpoint": "worst"}, "--checkpoint must be one of best, last"),
        ({"kind": "traversal", "output": "a.npz"}, r"must end in \.gif or \.png for traversal"),
    ],
)
def test_bad_options_are_refused_before_anything_is_read(tmp_path, changes, message):
    changes = {
        key: tmp_path / value if key == "output" else value for key, value in changes.items()
    }
    with pytest.raises(ConfigError, match=message):
        generate_file(
            GenerateRequest(**{"path": tmp_path / "absent", "kind": "samples", **changes})
        )
    assert not any(tmp_path.iterdir())


def test_no_run_no_file(tmp_path):
    with pytest.raises(CheckpointError, match="neither a run's folder nor"):
        generate_file(GenerateRequest(tmp_path / "absent", "samples"))
    with pytest.raises(CheckpointError, match=r"no checkpoints/best\.ckpt; train it first"):
        generate_file(GenerateRequest(tmp_path, "samples"))
    assert not any(tmp_path.iterdir())


def test_an_unfinished_run_is_said_to_be_one(run, tmp_path):
    copy = tmp_path / "run"
    (copy / "checkpoints").mkdir(parents=True)
    for name in ("config.yaml", "checkpoints/best.ckpt"):
        (copy / name).write_bytes((run / name).read_bytes())
    done = CliRunner().invoke(app, ["generate", str(copy), "samples", "--count", "1"])
    assert done.exit_code == 0
    assert "is not finished (running, or was killed)" in done.stderr
    finished = CliRunner().invoke(app, ["generate", str(run), "samples", "--count", "1"])
    assert finished.stderr == ""
