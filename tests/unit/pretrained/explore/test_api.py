"""The requests of the page, each against the model and the data themselves."""

import base64
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image
from starlette.testclient import TestClient

from vael.pretrained.explore.app import PAGE, make_explore_app


def grey(frame: bytes) -> np.ndarray:
    """``(N, 8, 8)`` of the RGBA frames of digits, which are grey and opaque."""
    pixels = np.frombuffer(frame, np.uint8).reshape(-1, 8, 8, 4)
    assert (pixels[..., 3] == 255).all()
    assert (pixels[..., :1] == pixels[..., :3]).all()
    return pixels[..., 0]


def picture(pixels, format="PNG", mode=None) -> bytes:
    """A picture file."""
    file = io.BytesIO()
    made = Image.fromarray(pixels)
    (made.convert(mode) if mode else made).save(file, format)
    return file.getvalue()


@pytest.fixture(scope="module")
def levels(digits):
    """The test digits, 0 .. 16, as the data has them."""
    arrays, index = digits.trained.data.select("test")
    return arrays.x[index][:, 0]


def test_the_originals_are_the_data(client, levels):
    for number in (0, 99, 100, len(levels) - 1):  # within a chunk of evaluation, and across
        found = grey(client.get(f"/api/examples/{number}/original").content)[0]
        assert np.array_equal(found, np.round(levels[number] * (255 / 16)))


def test_a_decoded_example_is_its_reconstruction(client, digits, levels):
    z = client.get("/api/examples/5").json()["z"]
    found = grey(client.post("/api/decode", json={"z": [z, z]}).content)
    x = torch.from_numpy(levels[5:6, None]).float() / 16
    expected = digits.trained.vae.reconstruct(x)[0, 0].numpy() * 255
    assert np.abs(found[0] - expected).max() < 0.51
    assert np.array_equal(found[0], found[1])


def test_an_uploaded_example_is_encoded_as_that_example(client, levels):
    content = picture(np.round(levels[7] * (255 / 16)).astype(np.uint8))
    found = client.post("/api/encode", content=content).json()
    assert found["z"] == pytest.approx(client.get("/api/examples/7").json()["z"], abs=1e-5)
    assert np.array_equal(
        grey(base64.b64decode(found["frame"]))[0], np.round(levels[7] * (255 / 16))
    )
    assert found["note"] == "its 256 grey values rounded to the 17 of the data"


def test_the_negative_of_an_uploaded_negative_is_the_picture(client, levels):
    content = picture(255 - np.round(levels[7] * (255 / 16)).astype(np.uint8))
    found = client.post("/api/encode?invert=true", content=content).json()
    assert found["z"] == pytest.approx(client.get("/api/examples/7").json()["z"], abs=1e-5)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
def test_another_shape_is_resized_and_said(client, format):
    content = picture(np.full((30, 40, 3), 128, np.uint8), format, "RGB")
    answer = client.post("/api/encode", content=content)
    assert answer.status_code == 200, answer.text
    note = answer.json()["note"]
    assert note.startswith("resized from 40 x 30 to 8 x 8 pixels; turned from colour into grey")
    frame = grey(base64.b64decode(answer.json()["frame"]))
    assert np.abs(frame.astype(int) - 128).max() <= 8, "a level of 17 is 16 grey values wide"


def test_samples_are_the_prior_scaled_by_the_temperature(client):
    def draw(temperature, seed=3):
        asked = {"count": 64, "temperature": temperature, "seed": seed}
        return np.array(client.post("/api/sample", json=asked).json()["z"])

    assert draw(1).shape == (64, 4)
    assert not draw(0).any(), "the mean of a standard normal prior"
    assert draw(0.5) == pytest.approx(0.5 * draw(1), abs=1e-6)
    assert np.array_equal(draw(1), draw(1))
    assert not np.array_equal(draw(1), draw(1, seed=4))
    many = np.concatenate([draw(1, seed) for seed in range(40)])
    assert abs(many.mean()) < 5 / np.sqrt(many.size)
    assert abs(many.std() - 1) < 5 / np.sqrt(2 * many.size)


def test_a_path_begins_and_ends_at_its_ends(client):
    ends = [[1, 0, 0, 0], [0, 2, 0, 0]]
    asked = {"ends": ends, "steps": 3, "kind": "linear"}
    assert client.post("/api/path", json=asked).json()["z"] == [ends[0], [0.5, 1, 0, 0], ends[1]]
    round_ = client.post("/api/path", json={**asked, "kind": "spherical"}).json()["z"]
    half = np.sqrt(0.5)
    assert np.array(round_[1]) == pytest.approx(np.array([half, 2 * half, 0, 0]), abs=1e-6)


def test_a_table_is_decoded_in_its_own_units(table):
    client = TestClient(make_explore_app(table), base_url="http://127.0.0.1")
    facts = client.get("/api/model").json()
    arrays, index = table.trained.data.select("train")
    rows = np.asarray(arrays.x[index], np.float64)
    assert [of["name"] for of in facts["columns"]] == list(table.trained.data.cached.data.columns)
    assert [of["mean"] for of in facts["columns"]] == pytest.approx(rows.mean(0), rel=1e-5)
    assert [of["std"] for of in facts["columns"]] == pytest.approx(rows.std(0), rel=1e-5)
    arrays, index = table.trained.data.select("test")
    found = np.frombuffer(client.get("/api/examples/2/original").content, "<f4")
    assert found == pytest.approx(arrays.x[index][2], rel=1e-5, abs=1e-5)
    z = client.get("/api/examples/2").json()["z"]
    decoded = np.frombuffer(client.post("/api/decode", json={"z": [z]}).content, "<f4")
    assert decoded.shape == (3,)
    assert np.abs((decoded - rows.mean(0)) / rows.std(0)).max() < 5
    refused = client.post("/api/encode", content=picture(np.zeros((8, 8), np.uint8)))
    assert refused.status_code == 422
    assert refused.json()["error"] == (
        "this is a model of tables with 3 columns: it has no use for a picture."
    )


def test_the_page_fetches_nothing_from_outside(client):
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    for path in PAGE.iterdir():
        text = client.get(f"/{path.name}").text
        assert text == path.read_text()
        assert {*re.findall(r"\w+://[^\"']+|[\"'(]//[^\"']+", text)} <= {
            "http://www.w3.org/2000/svg"
        }, path.name
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert "unsafe" not in policy
