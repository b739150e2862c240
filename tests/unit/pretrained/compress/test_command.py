"""vael compress and decompress as their user meets them."""

import hashlib
import importlib.util
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.commands import vael
from helpers.small_models import build_small_vae, draw_levels
from PIL import Image
from typer.testing import CliRunner

from vael.cli.main import app
from vael.data.preprocess import Preprocess
from vael.errors import CheckpointError, ConfigError, DataError
from vael.pretrained.compress import container, decompress, examples
from vael.pretrained.compress.codec import Codec
from vael.pretrained.compress.compress import CompressRequest, compress_file
from vael.pretrained.compress.container import pack, unpack
from vael.pretrained.compress.decompress import DecompressRequest, decompress_file
from vael.pretrained.compress.examples import read_examples
from vael.pretrained.model import Model
from vael.pretrained.trained import load_trained
from vael.progress import Countdown


@pytest.fixture(autouse=True)
def counted(monkeypatch):
    """What is told of progress ends with all of it."""
    leave = Countdown.__exit__

    def check_and_leave(self, *error):
        assert error[0] or self._done == self.total
        leave(self, *error)

    monkeypatch.setattr(Countdown, "__exit__", check_and_leave)


@pytest.fixture(scope="module")
def packed(run, tmp_path_factory):
    """The test split of a run, compressed."""
    file = tmp_path_factory.mktemp("packed") / "test.vael"
    made = compress_file(CompressRequest(run, "test", file))
    return file, made


def split_of(run):
    """Level numbers of the test split, straight from the data."""
    arrays, index = load_trained(run).data.select("test")
    return arrays.x[index]


def test_another_process_gives_the_split_again(run, packed, tmp_path):
    file, made = packed
    out = tmp_path / "x.npy"
    done = vael("decompress", str(file), "-o", str(out))
    assert done.returncode == 0, done.stderr
    assert f"{made.count} examples of 1 x 8 x 8, equal to the last level" in done.stdout
    found = np.load(out)
    assert found.dtype == np.uint8
    assert np.array_equal(found, split_of(run))


def test_the_sizes_that_are_told_are_those_of_the_file(run, packed, tmp_path):
    file, made = packed
    assert made.words + made.header == 8 * file.stat().st_size
    assert made.words == 32 * len(unpack(file.read_bytes(), file).words)
    assert made.count * 64 == split_of(run).size
    done = vael("compress", str(run), "test", "-o", str(tmp_path / "again.vael"))
    assert done.returncode == 0, done.stderr
    bits = f"{made.per_dim(made.words):.4f} bits/dim"
    for word in (bits, "initial bits", "header", "-ELBO", "examples/s", "MiB of memory"):
        assert word in done.stdout
    # another process, the same bytes
    assert (tmp_path / "again.vael").read_bytes() == file.read_bytes()


def test_the_same_numbers_from_a_file_are_the_same_message(run, packed, tmp_path):
    x = split_of(run)
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", x=x / np.float32(16))
    for name in ("x.npy", "x.npz"):
        target = tmp_path / f"{name}.vael"
        compress_file(CompressRequest(run, str(tmp_path / name), target))
        assert target.read_bytes() == packed[0].read_bytes()


@pytest.mark.parametrize("seed", range(6))
def test_damage_is_an_error_and_writes_nothing(run, packed, tmp_path, seed):
    rng = np.random.default_rng(seed)
    content = bytearray(packed[0].read_bytes())
    if seed % 2:
        content = content[: rng.integers(len(content))]
    else:
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)
    bad = tmp_path / "bad.vael"
    bad.write_bytes(content)
    done = CliRunner().invoke(app, ["decompress", str(bad)])
    assert isinstance(done.exception, DataError | ConfigError)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.vael"]


@pytest.mark.parametrize("place", [0, 20, -3])
def test_changed_words_under_a_right_digest_are_an_error(packed, tmp_path, place):
    read = unpack(packed[0].read_bytes(), packed[0])
    read.words[place] ^= 1 << 7
    bad = tmp_path / "bad.vael"
    bad.write_bytes(pack(read.header, read.words))
    with pytest.raises(DataError, match=r"do not decode|does not give"):
        decompress_file(DecompressRequest(bad))
    assert [path.name for path in tmp_path.iterdir()] == ["bad.vael"]


def test_other_probabilities_versions_weights_and_runs_are_refused(
    run, packed, tmp_path, monkeypatch
):
    file = packed[0]
    request = DecompressRequest(file, tmp_path / "x.npy")
    for change in ({"shape": (1, 8, 16)}, {"levels": 16}):
        read = unpack(file.read_bytes(), file)
        other = tmp_path / "other.vael"
        other.write_bytes(pack(replace(read.header, **change), read.words))
        with pytest.raises(ConfigError, match="name its own run"):
            decompress_file(DecompressRequest(other, tmp_path / "x.npy"))
    with monkeypatch.context() as patch:
        patch.setattr(Codec, "probe", lambda self: "another")
        with pytest.raises(ConfigError, match="other probabilities in the last bits"):
            decompress_file(request)
    with monkeypatch.context() as patch:
        now = {**container.used_versions(), "torch": "1.0"}
        patch.setattr(decompress, "used_versions", lambda: now)
        with pytest.raises(ConfigError, match=r"torch \S+, now 1\.0"):
            decompress_file(request)
    with monkeypatch.context() as patch:
        patch.setattr(Codec, "digest", lambda self: "another")
        with pytest.raises(ConfigError, match="other weights"):
            decompress_file(request)
    moved = shutil.copytree(run, tmp_path / "moved")
    read = unpack(file.read_bytes(), file)
    lost = tmp_path / "lost.vael"
    gone = replace(read.header, run=str(tmp_path / "gone"))
    lost.write_bytes(pack(gone, read.words))
    with pytest.raises((CheckpointError, ConfigError), match="--run"):
        decompress_file(DecompressRequest(lost, tmp_path / "x.npy"))
    assert not (tmp_path / "x.npy").exists()
    decompress_file(DecompressRequest(lost, tmp_path / "x.npy", run=moved))
    assert np.array_equal(np.load(tmp_path / "x.npy"), split_of(run))


def test_the_run_that_a_file_names_runs_no_code_of_others(run, packed, tmp_path):
    """Its config.yaml may name anything: what counts is the config in the checkpoint."""
    copied = shutil.copytree(run, tmp_path / "run")
    config = (copied / "config.yaml").read_text()
    (copied / "config.yaml").write_text(config.replace("vael.models.nets.MLP", "os.system"))
    read = unpack(packed[0].read_bytes(), packed[0])
    file = tmp_path / "a.vael"
    file.write_bytes(pack(replace(read.header, run=str(copied)), read.words))
    decompress_file(DecompressRequest(file))
    assert np.array_equal(np.load(tmp_path / "a.npy"), split_of(run))


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((3, 1, 8, 7), np.uint8), r"examples of shape \(N, 1, 8, 8\)"),
        (np.zeros((3, 3, 8, 8), np.uint8), r"examples of shape \(N, 1, 8, 8\)"),
        (np.full((3, 1, 8, 8), 17, np.uint8), "integers 0 .. 16"),
        (np.full((3, 1, 8, 8), 0.51), "lie between them"),
        (np.full((3, 1, 8, 8), np.nan), "finite"),
        (np.zeros((0, 1, 8, 8), np.uint8), "examples of shape"),
    ],
    ids=["shape", "channels", "levels", "between", "nan", "none"],
)
def test_examples_that_are_not_the_models_are_one_line(run, tmp_path, array, words):
    np.save(tmp_path / "x.npy", array)
    request = CompressRequest(run, str(tmp_path / "x.npy"), tmp_path / "x.vael")
    with pytest.raises(DataError, match=words):
        compress_file(request)
    assert not (tmp_path / "x.vael").exists()


def test_bad_options_are_one_line(run, packed, tmp_path, monkeypatch):
    file = packed[0]
    taken = tmp_path / "taken.vael"
    taken.write_bytes(b"mine")
    for request, words in (
        (CompressRequest(run, "test", tmp_path), "is a folder"),
        (CompressRequest(run, "test", taken), "add --force"),
        (CompressRequest(run, "nothing", tmp_path / "a"), "DATA must be train, val or test"),
        (CompressRequest(run, str(taken), tmp_path / "a", overrides=("data=mnist",)), "leave one"),
        (CompressRequest(run, str(taken), tmp_path / "a"), "pictures have 256 levels"),
        (CompressRequest(run, "test", tmp_path / "a", checkpoint="x"), "best or last"),
    ):
        with pytest.raises((ConfigError, DataError), match=words):
            compress_file(request)
    for request, words in (
        (DecompressRequest(file, tmp_path), "must end in .npy or .npz"),
        (DecompressRequest(tmp_path / "gone.vael"), "cannot be read"),
        (DecompressRequest(tmp_path), "cannot be read"),
        (DecompressRequest(taken), "begins otherwise"),
    ):
        with pytest.raises((ConfigError, DataError), match=words):
            decompress_file(request)
    with monkeypatch.context() as patch:
        patch.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(ConfigError, match=r"pip install constriction"):
            compress_file(CompressRequest(run, "test", tmp_path / "a"))
    assert [path.name for path in tmp_path.iterdir()] == ["taken.vael"]
    assert taken.read_bytes() == b"mine"


def test_data_without_levels_is_refused(picture_model, tmp_path):
    table = replace(picture_model, spec=replace(picture_model.spec, levels=None))
    with pytest.raises(ConfigError, match="needs data with levels"):
        examples.check_levels(table)


def test_missing_pixels_are_refused(picture_model):
    x = torch.zeros(2, 3, 4, 4)
    x[1, 0, 0] = torch.nan
    with pytest.raises(DataError, match="every value of an example, but 4 are missing"):
        examples._numbers(picture_model, x)


@pytest.fixture
def picture_model(tmp_path, monkeypatch):
    """A model of colour pictures of 256 levels."""
    made = build_small_vae("logistic_mixture", (3, 4, 4), 256)
    preprocess = Preprocess("none", 256)
    model = Model(made.vae, preprocess, made.spec, made.config, tmp_path, torch.device("cpu"))
    monkeypatch.setattr(examples, "open_model", lambda *arguments: model)
    return model


def test_a_folder_of_pictures_and_one_of_them(picture_model, tmp_path):
    x = draw_levels(5, (3, 4, 4), 256).astype(np.uint8)
    folder = tmp_path / "photos"
    folder.mkdir()
    for n, pixels in enumerate(x.reshape(-1, 3, 4, 4)):
        Image.fromarray(pixels.transpose(1, 2, 0)).save(folder / f"{n}.png")
    found = read_examples(tmp_path, str(folder), (), (), "best")
    assert np.array_equal(found.k, x)
    one = read_examples(tmp_path, str(folder / "3.png"), (), (), "best")
    assert np.array_equal(one.k, x[3:4])
    (folder / "train").mkdir()
    (folder / "test").mkdir()
    for split in ("train", "test"):
        shutil.copy(folder / "0.png", folder / split)
    with pytest.raises(DataError, match="folders of splits"):
        read_examples(tmp_path, str(folder), (), (), "best")


def test_grey_pictures_for_a_model_of_colour_are_refused(picture_model, tmp_path):
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"\(N, 3, 4, 4\)"):
        read_examples(tmp_path, str(tmp_path / "a.png"), (), (), "best")


def test_the_hash_is_that_of_the_level_numbers(run, packed):
    read = unpack(packed[0].read_bytes(), packed[0])
    assert read.header.examples == hashlib.sha256(split_of(run).tobytes()).hexdigest()
