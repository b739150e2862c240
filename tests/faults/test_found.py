"""What once crashed, hung or filled the memory, each as the input that did it."""

import os
import zipfile

import numpy as np
import pytest
from faults import hostile_arrays, hostile_configs
from faults.hostile import deadline, trained_step
from helpers.runs import config_of, make_run
from omegaconf import OmegaConf

from vael.config.compose import compose_config
from vael.config.yaml import parse_yaml
from vael.data.decode.images import decode_images
from vael.data.on_disk import file_key
from vael.errors import ConfigError, DataError, VaelError


def changed(tmp_path, **settings):
    """A run's folder whose config.yaml was edited."""
    config = config_of(*hostile_configs.SMALL)
    for path, value in settings.items():
        OmegaConf.update(config, path, value, merge=False, force_add=True)
    (tmp_path / "config.yaml").write_text(OmegaConf.to_yaml(config))
    return tmp_path


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("callbacks.checkpoint", 5, "callbacks.checkpoint must be a section"),
        ("callbacks.progress", "x", "callbacks.progress must be a section"),
        (
            "callbacks.progress.refresh_seconds",
            "x",
            "refresh_seconds must be null or a finite number",
        ),
        (
            "data",
            {"source": {"_target_": "vael.data.sources.Digits"}},
            "data.batch_size is missing",
        ),
        ("output_dir", 5, "output_dir must be a folder"),
        ("name", "../../x", "name must be the name of a folder below output_dir"),
        ("seed", "${oc.env:HOME}", "seed is an interpolation"),
        ("model.encoder._target_", 5, "model.encoder must be a section with a _target_"),
        ("objective.schedule", 0, "objective.schedule must be a section with a _target_"),
        ("callbacks.extra", 5, "callbacks.extra must be a mapping"),
        ("data.cache_dir", 5, "data.cache_dir must be null or a folder"),
        ("optimizer._partial_", 0, r"optimizer \(torch.optim.Adam\) cannot be built"),
        ("trainer.threads", 10**6, "trainer.threads must be null or an integer from 1 to 1024"),
    ],
)
def test_settings_of_the_wrong_kind(tmp_path, path, value, said):
    with pytest.raises(ConfigError, match=said):
        trained_step(changed(tmp_path, **{path: value}))


@pytest.mark.parametrize("text", ["a: ${a}", "a: ${b}\nb: ${a}"])
def test_settings_that_stand_for_themselves(tmp_path, text):
    good = OmegaConf.to_yaml(config_of(*hostile_configs.SMALL))
    (tmp_path / "config.yaml").write_text(f"{good}\n{text}\n")
    with pytest.raises(ConfigError, match="a is an interpolation"):
        trained_step(tmp_path)


@pytest.mark.parametrize("override", ["data=5", "likelihood=1.5"])
def test_a_group_that_is_a_number(override):
    with pytest.raises(ConfigError, match="must be a string"):
        compose_config([override])


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(VaelError, match="cannot make the run's folder"):
        make_run(tmp_path / "file", *hostile_configs.SMALL)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (hostile_configs.LAUGHS, r"its aliases multiply to 1\.\de\+10 values"),
        ("a: &a [*a]", "it is nested too deeply, or refers to itself"),
        ("[" * 20_000, "it is nested too deeply"),
        ("a: " + "x" * 2**20, "larger than 1 MiB"),
        ("a: !!python/object/apply:os.system ['true']", "could not determine a constructor"),
    ],
)
def test_yaml_that_multiplies(text, said):
    with deadline(20), pytest.raises(ConfigError, match=said):
        parse_yaml(text, "x.yaml")


def test_aliases_in_good_measure_are_welcome():
    found = parse_yaml("a: &a {b: [1, 2]}\nc: *a\nd: {<<: *a, e: 3}", "x.yaml")
    assert found == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}, "d": {"b": [1, 2], "e": 3}}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (hostile_arrays.header(f"({2**64},)"), "truncated or another format"),
        (hostile_arrays.header("(8,"), "truncated or another format"),
        (
            hostile_arrays.header("(100000000, 100000, 3)"),
            "must fit into memory|more than fits into",
        ),
        (b"no array at all", "x is not an array"),
    ],
)
def test_archives_that_lie(tmp_path, content, said):
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy" if content[:1] == b"\x93" else "x", content)
    with pytest.raises(VaelError, match=said):
        hostile_arrays.Runs(tmp_path).step(path)


def test_an_archive_that_becomes_more_than_there_is(tmp_path, monkeypatch):
    path = tmp_path / "x.npz"
    np.savez_compressed(path, x=np.zeros((100_000, 32), np.uint8))
    assert path.stat().st_size < 100_000
    pages = {"SC_PHYS_PAGES": 100, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", pages.__getitem__)
    with pytest.raises(DataError, match=r"its arrays take 0\.00298 GiB of 0\.000381"):
        hostile_arrays.Runs(tmp_path).step(path)


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda path: os.symlink("/dev/zero", path)], ids=["pipe", "device"]
)
def test_what_never_ends(tmp_path, make):
    path = tmp_path / "x.npy"
    make(path)
    with deadline(20), pytest.raises(OSError, match="not a regular file"):
        file_key(path)


def test_a_picture_whose_decoder_breaks_in_an_unforeseen_way(monkeypatch):
    from PIL import Image

    def broken(file):
        raise KeyError("tile")

    monkeypatch.setattr(Image, "open", broken)
    with pytest.raises(DataError, match=r"a picture must be one that Pillow reads.*tile"):
        decode_images(lambda: [b"x"], 1, None, "pictures")
