"""A run that is to train longer but cannot begin stays what it was."""

import json
import shutil

import pytest
from helpers.runs import contents

from vael.cli.train import train
from vael.errors import CheckpointError, VaelError
from vael.runs.extension import extended


def test_a_finished_run_that_cannot_go_on_stays_finished(run, tmp_path):
    folder = shutil.copytree(run, tmp_path / "run")
    last = folder / "checkpoints" / "last.ckpt"
    last.write_bytes(last.read_bytes()[:1000])
    before = contents(folder)
    with pytest.raises(CheckpointError, match=r"last\.ckpt"):
        train([str(folder), "trainer.max_epochs=5"])
    after = contents(folder)
    assert {name for name in after if after[name] != before.get(name)} == {"train.log"}
    assert json.loads((folder / "summary.json").read_text())["status"] == "finished"


def test_what_has_trained_meanwhile_stays(run, tmp_path):
    folder = shutil.copytree(run, tmp_path / "run")

    @extended(folder, ["trainer.max_epochs=5"])
    def fail_later():
        (folder / "checkpoints" / "last.ckpt").write_bytes(b"further on")
        raise VaelError("later")

    with pytest.raises(VaelError, match="later"):
        fail_later()
    assert "max_epochs: 5" in (folder / "config.yaml").read_text()
