"""Checkpoints and exports that a stranger made: one clear error each, no code runs."""

import sys

import pytest
import torch
from support import QUICK, make_run

import vael
from vael import checkpoint
from vael.errors import CheckpointError, ConfigError
from vael.files import write_bytes
from vael.run import train

PLANTED = '''
from pathlib import Path

from torch import nn

Path(__file__).with_name("it_ran").touch()


class Net(nn.Module):
    pass
'''


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = make_run(tmp_path_factory.mktemp("out"), *QUICK)
    train(folder)
    return folder


@pytest.fixture
def loaded(run):
    return checkpoint.load(run / "checkpoints" / "best.ckpt")


@pytest.fixture
def put(tmp_path):
    def put(content):
        path = tmp_path / "strange.ckpt"
        write_bytes(path, lambda file: torch.save(content, file))
        return path

    return put


@pytest.mark.parametrize("target", [
    "os.system", "subprocess.Popen", "builtins.eval", "torch.hub.load", "numpy.load",
    "vael.summary.subprocess.run", "vael.cli.os.system", "vael.build.instantiate",
    "vael.files.write_text", "vael.launch.start", "vael.checkpoint.SafeCheckpointIO",
    "vaelx.Net", "vael", "vael.", ".", "", "vael..os.system", "vael.nets.mlp.MLP.forward",
    "vael.nets.mlp.nn.Linear", "vael.absent.Net", "planted.Net", 7, None, ["os.system"],
])
@pytest.mark.parametrize("node", ["model.encoder", "likelihood", "posterior", "prior",
                                  "model.decoder.activation", "data.source"])
def test_a_config_may_only_name_parts_of_a_model(loaded, put, tmp_path, monkeypatch, target,
                                                 node):
    (tmp_path / "planted.py").write_text(PLANTED)
    monkeypatch.syspath_prepend(tmp_path)
    *sections, last = node.split(".")
    inside = loaded["config"]
    for name in sections:
        inside = inside[name]
    inside[last] = {**(inside[last] if isinstance(inside[last], dict) else {}),
                    "_target_": target}
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
