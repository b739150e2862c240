"""Several processes: one batch, one folder, one set of weights."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.identical import rows
from helpers.runs import QUICK, ROOT

from vael.runs.example_scores import read_example_scores

pytestmark = pytest.mark.slow


def start(tmp_path, devices, *overrides):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    return subprocess.run(
        [
            sys.executable,
            str(ROOT / "train.py"),
            *QUICK,
            f"trainer.devices={devices}",
            f"+callbacks.extra.keep={{_target_: helpers.callbacks."
            f"KeepWeights, folder: {tmp_path}/kept}}",
            f"output_dir={tmp_path}/out",
            *overrides,
        ],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=tmp_path,
        timeout=400,
    )


def only(folder):
    (run,) = folder.glob("out/*/*")
    return run


def go_on(run, cwd):
    """Continues a run whose `Kill` is taken out of its config, to its end."""
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("where: batch", "where: nowhere"))
    again = subprocess.run(
        [sys.executable, "-m", "vael.cli", "train", str(run)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        check=False,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize("devices", [2, 4])
def test_all_ranks_end_with_the_same_weights_in_one_folder(tmp_path, devices):
    done = start(tmp_path, devices)
    assert done.returncode == 0, done.stderr
    states = [
        torch.load(tmp_path / "kept" / f"rank_{rank}.pt", weights_only=True)
        for rank in range(devices)
    ]
    assert len(list((tmp_path / "kept").iterdir())) == devices
    for other in states[1:]:
        assert all(torch.equal(other[name], states[0][name]) for name in states[0])
    summary = json.loads((only(tmp_path) / "summary.json").read_text())
    assert summary["status"] == "finished"
    assert summary["devices"] == devices
    assert summary["steps"] == 3 * 5  # the batch is global: as many steps as on one device
    assert done.stdout.count("test/bpd") == 1


def test_evaluation_of_the_same_weights_is_the_same_on_1_2_and_3_devices(tmp_path):
    """Scores before training differ by rounding alone: every example and layer counts once.

    Each example is told its own class, whichever process scores it.
    """
    told = ("condition=label", "condition.embedding=3")
    layers = ("latents=chain", "latents.below=[6]", "latents.hidden=[8]")
    still = (
        *told,
        *layers,
        "optimizer.lr=1e-30",
        "trainer.max_epochs=1",
        "data.batch_size=66",
        "seed=5",
    )
    found, examples = {}, {}
    for devices in (1, 2, 3):
        place = tmp_path / str(devices)
        place.mkdir()
        done = start(place, devices, *still)
        assert done.returncode == 0, done.stderr
        found[devices] = json.loads((only(place) / "summary.json").read_text())["metrics"]
        examples[devices] = read_example_scores(only(place))["bpd"]
    assert len(set(examples[1].tolist())) > 170  # of 180
    np.testing.assert_allclose(examples[2], examples[1], rtol=1e-5)
    np.testing.assert_allclose(examples[3], examples[1], rtol=1e-5)
    assert {"test/rate_z1", "test/rate_z2", "val/active_units_z1"} <= {*found[1]}
    for name, value in found[1].items():
        if name.startswith(("val/", "test/")):
            assert found[2][name] == pytest.approx(value, rel=1e-6), name
            assert found[3][name] == pytest.approx(value, rel=1e-6), name


def test_a_prior_that_the_objective_leaves_alone_stays_as_it_is(tmp_path):
    """DDP would end the second step: weights without a gradient are waited for."""
    done = start(tmp_path, 2, "objective=aae", "prior=mixture", "trainer.max_epochs=1")
    assert done.returncode == 0, done.stderr
    assert "unused" not in done.stderr
    states = [torch.load(file, weights_only=True) for file in (tmp_path / "kept").iterdir()]
    assert not states[0]["vae.latents.prior.logits"].any()  # as they began
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_nan_on_several_devices_is_reported_and_exits_3(tmp_path):
    done = start(tmp_path, 2, "+callbacks.extra.nan={_target_: helpers.callbacks.Poison, step: 7}")
    assert done.returncode == 3, done.stderr
    assert "the loss is nan at step 7" in done.stderr
    summary = json.loads((only(tmp_path) / "summary.json").read_text())
    assert summary["status"] == "failed"
    assert Path(only(tmp_path) / "checkpoints" / "last.ckpt").exists()


def test_two_processes_stopped_within_an_epoch_continue_as_if_never_stopped(tmp_path):
    """The signal reaches one rank alone, at a batch of its own: both stop at the same one."""
    whole = tmp_path / "whole"
    whole.mkdir()
    assert start(whole, 2).returncode == 0
    place = tmp_path / "stopped"
    place.mkdir()
    kill = "{_target_: helpers.callbacks.Kill, number: SIGTERM, where: batch, step: 7, rank: 1}"
    done = start(place, 2, f"+callbacks.extra.kill={kill}")
    assert done.returncode == 143, done.stderr
    run = only(place)
    assert json.loads((run / "summary.json").read_text())["status"] == "interrupted"
    stopped_at = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["global_step"]
    assert 5 < stopped_at < 10
    go_on(run, place)
    states = [torch.load(p / "kept" / "rank_1.pt", weights_only=True) for p in (whole, place)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert list(rows(only(whole))) == list(rows(run))


def test_kill_9_loses_no_more_than_the_steps_since_the_last_checkpoint(tmp_path):
    kill = "{_target_: helpers.callbacks.Kill, number: SIGKILL, where: batch, step: 8}"
    done = start(
        tmp_path, 1, f"+callbacks.extra.kill={kill}", "callbacks.checkpoint.every_n_steps=3"
    )
    assert done.returncode == -9
    run = only(tmp_path)
    assert torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 6
    go_on(run, tmp_path)
    through = tmp_path / "through"
    through.mkdir()
    assert start(through, 1).returncode == 0
    states = [torch.load(p / "kept" / "rank_0.pt", weights_only=True) for p in (tmp_path, through)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert list(rows(only(through))) == list(rows(run))
