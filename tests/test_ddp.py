"""Several processes: one batch, one folder, one set of weights."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support import QUICK, ROOT

pytestmark = pytest.mark.slow


def start(tmp_path, devices, *overrides):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests"), "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(
        [sys.executable, str(ROOT / "train.py"), *QUICK, f"trainer.devices={devices}",
         f"+callbacks.extra.keep={{_target_: support.KeepWeights, folder: {tmp_path}/kept}}",
         f"output_dir={tmp_path}/out", *overrides],
        capture_output=True, text=True, check=False, env=environment, cwd=tmp_path, timeout=400,
    )  # fmt: skip


def only(folder):
    (run,) = folder.glob("out/*/*")
    return run


@pytest.mark.parametrize("devices", [2, 4])
def test_all_ranks_end_with_the_same_weights_in_one_folder(tmp_path, devices):
    done = start(tmp_path, devices)
    assert done.returncode == 0, done.stderr
    states = [torch.load(tmp_path / "kept" / f"rank_{rank}.pt", weights_only=True)
              for rank in range(devices)]
    assert len(list((tmp_path / "kept").iterdir())) == devices
    for other in states[1:]:
        assert all(torch.equal(other[name], states[0][name]) for name in states[0])
    summary = json.loads((only(tmp_path) / "summary.json").read_text())
    assert summary["status"] == "finished"
    assert summary["devices"] == devices
    assert summary["steps"] == 3 * 5  # the batch is global: as many steps as on one device
    assert done.stdout.count("test/bpd") == 1


def test_evaluation_of_the_same_weights_is_the_same_on_one_and_on_three_devices(tmp_path):
    """Scores before training differ by rounding alone: every example is counted once."""
    still = ("optimizer.lr=1e-30", "trainer.max_epochs=1", "data.batch_size=66", "seed=5")
    found = {}
    for devices in (1, 3):
        place = tmp_path / str(devices)
        place.mkdir()
        done = start(place, devices, *still)
        assert done.returncode == 0, done.stderr
        found[devices] = json.loads((only(place) / "summary.json").read_text())["metrics"]
    for name, value in found[1].items():
        if name.startswith(("val/", "test/")):
            assert found[3][name] == pytest.approx(value, rel=1e-6), name


def test_a_nan_on_several_devices_is_reported_and_exits_3(tmp_path):
    done = start(tmp_path, 2, "+callbacks.extra.nan={_target_: support.Poison, step: 7}")
    assert done.returncode == 3, done.stderr
    assert "the loss is nan at step 7" in done.stderr
    summary = json.loads((only(tmp_path) / "summary.json").read_text())
    assert summary["status"] == "failed"
    assert Path(only(tmp_path) / "checkpoints" / "last.ckpt").exists()
