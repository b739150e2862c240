"""Numbers that are none, or too large, or all the same: one clear end, or one counted step."""

import json
import math
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from helpers.identical import read, weights
from helpers.runs import QUICK, ROOT, make_run
from pytorch_lightning import Trainer
from pytorch_lightning.plugins.precision import MixedPrecision

from vael.errors import ConfigError, DataError, NonFiniteLoss
from vael.training import nonfinite
from vael.training.fit import train

SPOIL = (
    "+callbacks.extra.spoil_{0}={{_target_: faults.spoilers.Spoil, what: {0}, value: {1}, "
    "step: {2}, rank: {3}}}"
)


def spoil(what, value, step, rank=0):
    return SPOIL.format(what, value, step, rank)


def assert_finite(folder):
    for name in ("last", "best"):
        assert all(
            torch.isfinite(value).all() for value in weights(folder, name)["state_dict"].values()
        )


@pytest.mark.parametrize("value", ["inf", "-inf", "nan"])
def test_a_loss_that_is_no_number_ends_the_run_at_its_step(tmp_path, value):
    folder = make_run(tmp_path, *QUICK, spoil("loss", value, 7))
    with pytest.raises(NonFiniteLoss, match=rf"the loss is {value} at step 7 \(epoch 1\)"):
        train(folder)
    assert (read(folder)["status"], read(folder)["steps"]) == ("failed", 7)
    assert_finite(folder)


@pytest.mark.parametrize(("step", "every"), [(7, 1), (7, "null"), (14, 1), (14, "null")])
def test_a_gradient_that_is_no_number_reaches_no_checkpoint(tmp_path, step, every):
    """In one process it is seen by what comes of it: a checkpoint, the next loss."""
    folder = make_run(
        tmp_path,
        *QUICK,
        spoil("gradient", "nan", step),
        f"callbacks.checkpoint.every_n_steps={every}",
    )
    with pytest.raises(NonFiniteLoss, match=r"weights are not finite|the loss is nan at step 8"):
        train(folder)
    assert read(folder)["status"] == "failed"
    assert_finite(folder)
    assert weights(folder)["global_step"] == (
        step if every == 1 and step == 7 else 14 if every == 1 else step // 5 * 5
    )


@pytest.mark.parametrize(
    ("what", "value"), [("loss", "nan"), ("gradient", "inf"), ("gradient", "1e30")]
)
def test_a_single_bad_step_can_be_left_out_and_is_counted(tmp_path, what, value):
    folder = make_run(tmp_path, *QUICK, spoil(what, value, 7), "trainer.skip_gradient_above=1e6")
    train(folder)
    summary = read(folder)
    assert (summary["status"], summary["skipped_steps"], summary["steps"]) == ("finished", 1, 15)
    said = "1 of 15 steps were left out: their gradient's norm was above"
    assert any(text.startswith(said) for text in summary["warnings"])
    assert said in (folder / "report.html").read_text().replace("&#39;", "'")
    assert_finite(folder)


def test_a_run_that_leaves_out_every_step_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(nonfinite, "MOST_SKIPPED", 7)
    folder = make_run(tmp_path, *QUICK, "trainer.skip_gradient_above=1e-9")
    said = "7 steps in a row were left out, as their gradient's norm was not below"
    with pytest.raises(NonFiniteLoss, match=f"{said} trainer.skip_gradient_above=1e-09"):
        train(folder)
    assert read(folder)["steps"] == 6


def test_bf16_that_overflows_is_said(tmp_path):
    """Products of weights beyond the largest bfloat16, 3.4e38."""
    huge = "+callbacks.extra.nan={_target_: helpers.callbacks.Poison, step: 7, value: 3e38}"
    folder = make_run(tmp_path, *QUICK, "trainer.precision=bf16", huge)
    with pytest.raises(NonFiniteLoss, match=r"the loss is (nan|inf) at step 7"):
        train(folder)
    assert_finite(folder)


@pytest.fixture
def half(monkeypatch):
    """Trains in float16 with a scaler of gradients on the CPU, where torch can and vael does not.

    The scaler, and a note of the scale after each of its steps.
    """
    scaler, scales = torch.amp.GradScaler("cpu", init_scale=2.0**40), []
    update = scaler.update

    def updated(*arguments):
        update(*arguments)
        scales.append(scaler.get_scale())

    scaler.update = updated
    precision = MixedPrecision("16-mixed", "cpu", scaler)

    def make(**settings):
        del settings["precision"]
        settings["plugins"] = [*settings["plugins"], precision]
        return Trainer(**settings)

    monkeypatch.setattr(pl, "Trainer", make)
    return scales


def test_gradients_that_overflow_fp16_are_left_to_the_scaler(tmp_path, half):
    """Times 2^40 they are beyond 65504: the scale is halved until they fit."""
    folder = make_run(tmp_path, *QUICK, "trainer.group=1")  # groups: tests/unit/training/test_half
    train(folder)
    halved = [
        scale
        for scale, before in zip(half, [2.0**40, *half[:-1]], strict=True)
        if scale == before / 2
    ]
    assert len(halved) >= 3
    assert read(folder)["status"] == "finished"
    assert read(folder)["steps"] == 15
    assert_finite(folder)


def test_a_loss_that_overflows_fp16_ends_the_run_at_its_step(tmp_path, half):
    """A product beyond 65504 in the decoder, which float32 and bfloat16 would hold."""
    huge = "+callbacks.extra.huge={_target_: helpers.callbacks.Poison, step: 7, value: 6e4}"
    folder = make_run(tmp_path, *QUICK, huge)
    with pytest.raises(NonFiniteLoss, match=r"the loss is (nan|inf) at step 7"):
        train(folder)
    assert_finite(folder)


def array(tmp_path, x):
    np.save(tmp_path / "x.npy", x)
    return make_run(
        tmp_path,
        *QUICK,
        "data=array",
        f"data.path={tmp_path}/x.npy",
        "data.limit=null",
        "data.batch_size=1",
        "likelihood=gaussian",
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_data_that_is_no_number_is_named(tmp_path, value):
    x = np.random.default_rng(0).random((20, 1, 8, 8), np.float32)
    x[17, 0, 3, 2] = value
    with pytest.raises(DataError, match=r"x.npy.*must be finite.*17, 0, 3, 2"):
        train(array(tmp_path, x))


def test_data_that_is_all_the_same_is_refused(tmp_path):
    with pytest.raises(DataError, match="all 16 are the same, so there is nothing to learn"):
        train(array(tmp_path, np.full((20, 1, 8, 8), 7, np.uint8)))


def test_one_example_is_refused_and_one_to_train_on_is_enough(tmp_path):
    x = np.arange(3 * 64, dtype=np.uint8).reshape(3, 1, 8, 8)
    with pytest.raises(DataError, match=r"at least 1 example.*3 examples are the least"):
        train(array(tmp_path, x[:1]))
    folder = array(tmp_path, x)
    train(folder)
    summary = read(folder)
    assert (summary["status"], summary["steps"], summary["warnings"]) == ("finished", 3, [])


def test_a_batch_larger_than_the_data_is_refused(tmp_path):
    folder = make_run(tmp_path, *QUICK, "data.batch_size=512")
    with pytest.raises(ConfigError, match="must not be larger than the number of training"):
        train(folder)


def collapsed(folder):
    (said,) = [text for text in read(folder)["warnings"] if "collapse" in text]
    log = (folder / "train.log").read_text()
    assert log.count("collapse") == log.count(said) == 1
    return said


def test_latents_that_the_data_does_not_reach_are_counted_once(tmp_path):
    folder = make_run(
        tmp_path, *QUICK, "+callbacks.extra.cut={_target_: faults.spoilers.Collapse, dims: 3}"
    )
    train(folder)
    assert read(folder)["metrics"]["val/active_units"] == 1
    assert collapsed(folder).startswith("posterior collapse: 3 of 4 latent dimensions carry next")


def test_more_latent_dimensions_than_data_has_train_and_the_idle_ones_are_counted(tmp_path):
    """A rate that weighs 1000 times as much as in the ELBO leaves nothing of 100 dimensions."""
    folder = make_run(
        tmp_path,
        *QUICK,
        "model.latent_dim=100",
        "objective.beta=1000",
        "optimizer.lr=0.01",
        "trainer.max_epochs=6",
    )
    train(folder)
    summary = read(folder)
    idle = 100 - int(summary["metrics"]["val/active_units"])
    assert summary["status"] == "finished"
    assert idle > 50
    assert collapsed(folder).startswith(f"posterior collapse: {idle} of 100 latent dimensions")


def test_a_model_that_needs_more_bits_than_none_is_told(tmp_path):
    """Every level of 17 with the same mass costs log2(17) = 4.09 bits/dim."""
    folder = make_run(tmp_path, *QUICK, "optimizer.lr=1e-9", "likelihood=gaussian")
    train(folder)
    summary = read(folder)
    told = [text for text in summary["warnings"] if "without any model" in text]
    assert summary["metrics"]["val/bpd"] > math.log2(17)
    assert len(told) == 1
    assert "log2(17) = 4.087" in told[0]


def two(tmp_path, *overrides):
    """Trains on two processes; each leaves its weights."""
    keep = (
        f"+callbacks.extra.keep={{_target_: helpers.callbacks."
        f"KeepWeights, folder: {tmp_path}/kept}}"
    )
    folder = make_run(tmp_path, *QUICK, "trainer.devices=2", keep, *overrides)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "vael.cli", "train", str(folder)],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return folder, done


@pytest.mark.slow
def test_a_loss_that_is_no_number_on_one_rank_ends_both_at_the_same_step(tmp_path):
    """Its gradient is finite, and not shared yet when it comes up: accumulated batches."""
    folder, done = two(
        tmp_path, spoil("loss", "inf", 7, rank=1), "trainer.accumulate_grad_batches=2"
    )
    assert done.returncode == 3, done.stderr
    said = r"^vael: the loss of rank 1 is inf at step 7 \(epoch 1\)"
    assert re.search(said, done.stderr, re.MULTILINE), done.stderr
    summary = read(folder)
    assert (summary["status"], summary["steps"]) == ("failed", 7)
    assert f"vael: {summary['reason']}" in done.stderr.splitlines()
    assert_finite(folder)


@pytest.mark.slow
def test_two_ranks_leave_out_the_same_steps(tmp_path):
    """A NaN in the gradient of rank 1, an explosion on it, and a NaN in the loss of rank 0."""
    folder, done = two(
        tmp_path,
        spoil("gradient", "nan", 6, rank=1),
        spoil("loss", "nan", 11, rank=0),
        spoil("gradient", "1e30", 8, rank=1).replace("spoil_gradient", "another"),
        "trainer.skip_gradient_above=1e6",
    )
    assert done.returncode == 0, done.stderr
    assert read(folder)["skipped_steps"] == 3
    kept = [
        torch.load(tmp_path / "kept" / f"rank_{rank}.pt", weights_only=True) for rank in (0, 1)
    ]
    assert all(torch.equal(kept[0][name], kept[1][name]) for name in kept[0])
    assert_finite(folder)
    rows = json.dumps(read(folder)["metrics"])
    assert "NaN" not in rows
