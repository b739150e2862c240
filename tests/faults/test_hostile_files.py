"""Checkpoints and exports that a stranger made: one clear error each, no code runs."""

import json
import sys

import pytest
import torch

import vael
from vael.errors import CheckpointError, ConfigError
from vael.files import write_bytes
from vael.pretrained.export.export import export_model
from vael.runs.checkpoint import load_checkpoint

PLANTED = """
from pathlib import Path

from torch import nn

Path(__file__).with_name("it_ran").touch()


class Net(nn.Module):
    pass
"""


@pytest.fixture
def loaded(run):
    return load_checkpoint(run / "checkpoints" / "best.ckpt")


@pytest.fixture
def put(tmp_path):
    def put(content):
        path = tmp_path / "strange.ckpt"
        write_bytes(path, lambda file: torch.save(content, file))
        return path

    return put


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "subprocess.Popen",
        "builtins.eval",
        "torch.hub.load",
        "numpy.load",
        "vael.runs.provenance.subprocess.run",
        "vael.cli.main.os.system",
        "vael.config.build.instantiate",
        "vael.files.write_text",
        "vael.training.launch.start",
        "vael.training.checkpoint_io.SafeCheckpointIO",
        "vaelx.Net",
        "vael",
        "vael.",
        ".",
        "",
        "vael..os.system",
        "vael.models.nets.MLP.forward",
        "vael.models.nets.mlp.nn.Linear",
        "vael.absent.Net",
        "planted.Net",
        7,
        None,
        ["os.system"],
    ],
)
@pytest.mark.parametrize(
    "node",
    [
        "model.encoder",
        "likelihood",
        "latents",
        "posterior",
        "prior",
        "model.decoder.activation",
        "data.source",
    ],
)
def test_a_config_may_only_name_parts_of_a_model(loaded, put, tmp_path, monkeypatch, target, node):
    (tmp_path / "planted.py").write_text(PLANTED)
    monkeypatch.syspath_prepend(tmp_path)
    *sections, last = node.split(".")
    inside = loaded["config"]
    for name in sections:
        inside = inside[name]
    inside[last] = {**(inside[last] if isinstance(inside[last], dict) else {}), "_target_": target}
    with pytest.raises(CheckpointError, match="was not loaded: its config names") as caught:
        vael.load(put(loaded))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "it_ran").exists()
    assert "planted" not in sys.modules


def test_a_key_with_dots_does_not_smuggle_a_target_in(loaded, put):
    loaded["config"]["data"]["source._target_"] = "os.system"
    with pytest.raises(CheckpointError, match="was not loaded"):
        vael.load(put(loaded))


def test_what_the_user_names_is_allowed(loaded, put, tmp_path, monkeypatch):
    (tmp_path / "planted.py").write_text(PLANTED)
    monkeypatch.syspath_prepend(tmp_path)
    loaded["config"]["model"]["encoder"]["_target_"] = "planted.Net"
    path = put(loaded)
    with pytest.raises(CheckpointError, match="allow its package by name: planted"):
        vael.load(path)
    with pytest.raises(ConfigError, match=r"model\.encoder .planted\.Net. cannot be"):
        vael.load(path, allow=["planted"])  # it is built, and takes no options
    assert (tmp_path / "it_ran").exists()
    sys.modules.pop("planted")


def test_interpolations_are_refused(loaded, put, monkeypatch):
    monkeypatch.setenv("SECRET", "plainly")
    loaded["config"]["model"]["latent_dim"] = "${oc.env:SECRET}"
    with pytest.raises(CheckpointError, match="interpolation") as caught:
        vael.load(put(loaded))
    assert "plainly" not in str(caught.value)


def test_every_truncation_is_one_clear_error(run, tmp_path):
    export_model(run, output=tmp_path / "whole")
    for whole in (run / "checkpoints" / "best.ckpt", tmp_path / "whole" / "model.safetensors"):
        content = whole.read_bytes()
        for percent in range(0, 100, 5):
            cut = tmp_path / f"cut{whole.suffix}"
            cut.write_bytes(content[: len(content) * percent // 100])
            with pytest.raises(CheckpointError, match="cannot be read as") as caught:
                vael.load(cut)
            assert "\n" not in str(caught.value)


def test_a_header_that_claims_10_gigabytes_is_refused(run, tmp_path):
    claim = {"vae.w": {"dtype": "F32", "shape": [2500000000], "data_offsets": [0, 10**10]}}
    for header, size in ((json.dumps(claim).encode(), None), (b"{}", 10**10)):
        path = tmp_path / "claim.safetensors"
        length = len(header) if size is None else size
        path.write_bytes(length.to_bytes(8, "little") + header + bytes(100))
        with pytest.raises(CheckpointError, match="cannot be read as an export"):
            vael.load(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: kept.update(config=[]),
        lambda kept: kept.update(state_dict={"vae.w": "text"}),
        lambda kept: kept.update(state_dict={}),
        lambda kept: kept.update(data={"event_shape": [10**9]}),
        lambda kept: kept.update(data={**kept["data"], "event_shape": (1, 9, 9)}),
        lambda kept: kept.update(data=7),
        lambda kept: kept["config"]["model"].update(latent_dim=5),
    ],
)
def test_content_of_another_shape_is_refused(loaded, put, change):
    change(loaded)
    with pytest.raises(CheckpointError) as caught:
        vael.load(put(loaded))
    assert "\n" not in str(caught.value)


def test_a_config_that_unfolds_without_end_is_refused(loaded, put):
    laughs: list = ["ha"]
    for _ in range(12):
        laughs = [laughs] * 10
    loaded["config"]["name"] = laughs
    with pytest.raises(CheckpointError, match="small mapping"):
        vael.load(put(loaded))
