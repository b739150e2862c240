"""Captured runs that are stopped, poisoned, out of memory, or cannot be captured."""

import re
import time

import pytest
import torch
from helpers.gpu import CARD, PLAIN, assert_same_run, captured, extra, vael
from helpers.identical import assert_same, read, rows, weights
from helpers.runs import QUICK, make_run
from helpers.schedules import at

from vael.distributed.signals import Stopped
from vael.errors import ConfigError, NonFiniteLoss
from vael.training.fit import train

pytestmark = CARD

LONG = (  # 2,200 steps, 22 an epoch
    *("trainer.max_epochs=100", "data.batch_size=16", "callbacks.early_stopping.patience=null"),
    *("scheduler=cosine", "callbacks.ema.decay=0.99", "trainer.gradient_clip_val=1.0"),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Never stopped."""
    return captured(tmp_path_factory.mktemp("whole"), *LONG)


@pytest.mark.parametrize(
    ("before", "seconds"), [("true", 0.0), ("true", 0.31), ("true", 0.77), ("false", 0.5)]
)
def test_stopped_anywhere_and_continued_is_bit_identical(whole, tmp_path, before, seconds):
    """Stopped as captured or eager steps, continued as captured ones."""
    later = extra("StopLater", epoch=3, seconds=seconds, mark=tmp_path / "mark")
    way = f"trainer.capture={before}"
    stopped = make_run(tmp_path / "stopped", *QUICK, *PLAIN, *LONG, way, later)
    with pytest.raises(Stopped):
        train(stopped)
    late = time.time() - (tmp_path / "mark").stat().st_mtime
    assert late < 3, "the signal was heard late"  # 1 s, and what saving takes
    assert 66 <= read(stopped)["steps"] < 2200
    config = stopped / "config.yaml"
    config.write_text(config.read_text().replace("capture: false", "capture: true"))
    train(stopped)
    assert read(stopped)["step"] == "captured"
    assert_same_run(whole, stopped)


@pytest.mark.parametrize("step", [0, 1, 7, 14])
def test_a_loss_that_is_no_number_is_told_with_its_step(tmp_path, step):
    """The first, the second, one within an epoch of 5, the last of all; as eager steps tell it."""
    bad = (*at("ValueAt", step), "callbacks.checkpoint.every_n_steps=2")
    told = []
    for way in ("true", "false"):
        folder = make_run(tmp_path / way, *QUICK, *PLAIN, f"trainer.capture={way}", *bad)
        with pytest.raises(NonFiniteLoss, match=rf"the loss is nan at step {step} ") as raised:
            train(folder)
        told.append(str(raised.value))
        assert (read(folder)["status"], read(folder)["steps"]) == ("failed", step)
        last = folder / "checkpoints" / "last.ckpt"
        assert last.exists() == (step > 1)
        if last.exists():
            assert weights(folder)["global_step"] == step // 2 * 2
            assert all(bool(v.isfinite().all()) for v in weights(folder)["state_dict"].values())
    assert told[0] == told[1]


def test_a_weight_that_overflows_is_told_alike(tmp_path):
    told = []
    for way in ("true", "false"):
        huge = ("optimizer.lr=1e30", f"trainer.capture={way}")
        folder = make_run(tmp_path / way, *QUICK, *PLAIN, *huge)
        with pytest.raises(NonFiniteLoss, match=r"the loss is (nan|inf) at step 1 ") as raised:
            train(folder)
        told.append(str(raised.value))
    assert told[0] == told[1]


def test_out_of_memory_is_one_line(tmp_path):
    """4,000 samples of 64 examples through 512 units are 0.5 GB a layer."""
    tight = (extra("Tight", mib=1000), "objective.num_samples=4000")
    folder = make_run(tmp_path, *QUICK, *PLAIN, *tight)
    done = vael("train", str(folder))
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr
    said = r"^vael: out of memory: .* could not be allocated on the GPU\. Lower data\.batch_size"
    assert re.search(said, done.stderr, re.MULTILINE), done.stderr
    assert read(folder)["status"] == "failed"


CANNOT = {
    "looks": ("model.decoder._target_=helpers.steps.Looking",),
    "counts": ("model.decoder._target_=helpers.steps.Counting",),
}


@pytest.mark.parametrize("name", CANNOT)
def test_a_net_that_cannot_be_captured_trains_eagerly_and_one_line_says_why(tmp_path, name):
    """In processes of their own: after a failed capture torch makes no other in the same one."""
    folders = {}
    for way in ("auto", "false"):
        folders[way] = make_run(
            tmp_path / way, *QUICK, *PLAIN, *CANNOT[name], f"trainer.capture={way}"
        )
        done = vael("train", str(folders[way]))
        assert done.returncode == 0, done.stderr
    assert read(folders["auto"])["step"] != "captured"
    (said,) = [
        line
        for line in (folders["auto"] / "train.log").read_text().splitlines()
        if "captur" in line
    ]
    if name == "looks":  # what counts in Python has counted the attempt, too
        assert "likelihood" in said or "Looking" in said
        assert_same_run(folders["auto"], folders["false"])


def test_a_callback_that_hears_each_batch_hears_each(tmp_path):
    """Then steps are taken one by one; the numbers are those of groups, within rounding."""
    file = tmp_path / "steps"
    folder = make_run(tmp_path / "single", *QUICK, *PLAIN, extra("PerBatch", file=file))
    train(folder)
    assert file.read_text().split() == [str(n) for n in range(1, 16)]
    assert read(folder)["step"] == "single"
    assert "PerBatch" in (folder / "train.log").read_text()
    for ours, theirs in zip(rows(folder), rows(captured(tmp_path)), strict=True):
        for key in ("train/step_loss", "train/loss", "val/bpd"):
            if ours[key]:
                assert float(ours[key]) == pytest.approx(float(theirs[key]), rel=1e-3)


def test_capture_on_a_cpu_is_refused(tmp_path):
    folder = make_run(tmp_path, *QUICK, "trainer.capture=true", "trainer.accelerator=cpu")
    with pytest.raises(ConfigError, match=r"trainer\.capture=true needs a GPU"):
        train(folder)


def test_an_evaluation_between_steps_changes_nothing(tmp_path):
    """Other sizes, other draws, memory given back to the card; the run goes on to the bit."""
    options = ("evaluation.samples=200", "trainer.max_epochs=4")
    folder = captured(tmp_path / "often", *options)
    torch.cuda.empty_cache()
    other = captured(tmp_path / "rarely", *options, "evaluation.samples=1")
    assert_same(weights(folder)["state_dict"], weights(other)["state_dict"])
