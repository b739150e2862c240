"""A run from its folder to its report; again, stopped, continued, poisoned: to the bit."""

import csv
import re

import pytest
import torch
from helpers.identical import assert_as_if_never_stopped, assert_same, metrics, read, rows, weights
from helpers.runs import QUICK, make_run

from vael.distributed.signals import Stopped
from vael.errors import CheckpointError, ConfigError, NonFiniteLoss
from vael.runs.example_scores import read_example_scores
from vael.training.fit import train


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One uninterrupted run, whose optimiser and schedule have state."""
    folder = make_run(tmp_path_factory.mktemp("whole"), *QUICK, *STATEFUL)
    train(folder)
    return folder


STATEFUL = (
    "scheduler=plateau",
    "scheduler.patience=0",
    "scheduler.factor=0.9",
    "objective/schedule=linear",
    "objective.schedule.steps=9",
    "trainer.log_every_n_steps=2",
)


def test_a_run_leaves_the_contract_behind(whole):
    summary = read(whole)
    assert summary["status"] == "finished"
    assert summary["epochs"] == 3
    assert summary["steps"] == 3 * 5  # 360 training examples in batches of 64
    assert (whole / summary["best_checkpoint"]).exists()
    metrics = summary["metrics"]
    names = {
        f"{split}/{name}"
        for split in ("val", "test")
        for name in ("elbo", "rate", "distortion", "iwae", "bpd", "mse", "psnr", "active_units")
    }
    names |= {
        f"train/{name}"
        for name in (
            "loss",
            "elbo",
            "rate",
            "distortion",
            "beta",
            "beta_norm",
            "examples_per_second",
        )
    }
    assert names <= metrics.keys()
    for split in ("train", "val", "test"):
        parts = metrics[f"{split}/distortion"] + metrics[f"{split}/rate"]
        assert metrics[f"{split}/elbo"] == pytest.approx(-parts, rel=1e-6)
    for name in (
        "config.yaml",
        "metrics.csv",
        "train.log",
        "report.html",
        "images/samples.png",
        "images/reconstructions.png",
        "images/traversal.png",
        "images/latent_scatter.png",
        "checkpoints/last.ckpt",
    ):
        assert (whole / name).stat().st_size > 0, name


def test_the_scores_of_the_test_examples_have_the_published_means(whole):
    scores, metrics = read_example_scores(whole), read(whole)["metrics"]
    assert set(scores) == {"elbo", "rate", "distortion", "iwae", "mse", "bpd"}
    for name, column in scores.items():
        assert column.shape == (180,), "a tenth of the digits"
        assert len(set(column.tolist())) > 170, "an example that was not scored is 0"
        assert column.mean(dtype="float64") == pytest.approx(metrics[f"test/{name}"], rel=1e-6)


def test_checkpoints_hold_plain_containers_and_the_config(whole):
    loaded = weights(whole, "best")  # weights_only: nothing else would load
    assert loaded["config"]["model"]["latent_dim"] == 4


def test_the_best_checkpoint_is_that_of_the_best_row(whole):
    with (whole / "metrics.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["val/bpd"]]
    best = min(rows, key=lambda row: float(row["val/bpd"]))
    assert weights(whole, "best")["global_step"] == int(best["step"])
    assert read(whole)["metrics"]["val/bpd"] == float(best["val/bpd"])


def test_a_rerun_is_bit_identical(whole, tmp_path):
    again = make_run(tmp_path, *QUICK, *STATEFUL)
    train(again)
    assert_same(weights(whole)["state_dict"], weights(again)["state_dict"])
    assert_same(weights(whole)["optimizer_states"], weights(again)["optimizer_states"])
    assert list(rows(whole)) == list(rows(again))
    assert metrics(whole) == metrics(again)


def kill(number, where, step, rank=0):
    return (
        f"+callbacks.extra.kill={{_target_: helpers.callbacks."
        f"Kill, number: {number}, where: {where}, "
        f"step: {step}, rank: {rank}}}"
    )


def disarm(folder):
    config = folder / "config.yaml"
    config.write_text(re.sub(r"where: \w+", "where: nowhere", config.read_text()))


# 5 steps an epoch: after the first batch of all, within an epoch, before the last batch of one,
# in the last batch (the epoch's end belongs to it), in a validation, at an epoch's start, in the
# last validation, in the test
PLACES = [
    ("batch", 0),
    ("batch", 7),
    ("batch", 8),
    ("batch", 9),
    ("validation", 5),
    ("epoch", 10),
    ("validation", 15),
    ("test", 15),
]


@pytest.mark.parametrize(("where", "step"), PLACES)
def test_stopped_anywhere_and_continued_is_bit_identical(whole, tmp_path, where, step):
    stopped = make_run(tmp_path, *QUICK, *STATEFUL, kill("SIGTERM", where, step))
    with pytest.raises(Stopped) as raised:
        train(stopped)
    assert raised.value.exit_code == 143
    summary = read(stopped)
    assert summary["status"] == "interrupted"
    assert summary["reason"] == str(raised.value)
    assert re.fullmatch(
        r"stopped by SIGTERM after step \d+; all is saved: continue with "
        rf"vael train {stopped}",
        summary["reason"],
    )
    disarm(stopped)
    train(stopped)
    assert_as_if_never_stopped(whole, stopped)


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGUSR1", 143)])
def test_ctrl_c_and_slurms_warning_stop_alike(tmp_path, name, code):
    stopped = make_run(tmp_path, *QUICK, kill(name, "batch", 6))
    with pytest.raises(Stopped, match=f"stopped by {name} after step 7") as raised:
        train(stopped)
    assert raised.value.exit_code == code
    assert weights(stopped)["global_step"] == 7


def test_stopped_twice_within_one_epoch_is_bit_identical(whole, tmp_path):
    stopped = make_run(tmp_path, *QUICK, *STATEFUL, kill("SIGTERM", "batch", 6))
    with pytest.raises(Stopped):
        train(stopped)
    config = stopped / "config.yaml"
    config.write_text(config.read_text().replace("step: 6", "step: 7"))
    with pytest.raises(Stopped):
        train(stopped)
    disarm(stopped)
    train(stopped)
    assert_as_if_never_stopped(whole, stopped)


def test_accumulated_batches_are_not_torn_apart(tmp_path):
    split = (*QUICK, *STATEFUL, "trainer.accumulate_grad_batches=4")
    through = make_run(tmp_path / "through", *split)
    train(through)
    stopped = make_run(tmp_path / "stopped", *split, kill("SIGTERM", "batch", 7))
    with pytest.raises(Stopped):
        train(stopped)
    assert weights(stopped)["global_step"] == 8
    disarm(stopped)
    train(stopped)
    assert_as_if_never_stopped(through, stopped)


def test_early_stopping_counts_validations_without_a_better_score(tmp_path):
    folder = make_run(
        tmp_path,
        *QUICK,
        "optimizer.lr=1e-30",
        "trainer.max_epochs=50",
        "callbacks.early_stopping.patience=2",
    )
    train(folder)
    assert read(folder)["epochs"] == 3  # the first is the best, two more are no better
    assert read(folder)["best_epoch"] == 0


def test_a_warm_up_that_cannot_finish_is_said_at_the_start(tmp_path, capfd):
    folder = make_run(
        tmp_path,
        *QUICK,
        "objective.beta=2",
        "objective/schedule=linear",
        "objective.schedule.steps=100",
    )
    train(folder)
    said = "the warm-up of beta ends at step 100, but this run has 15 steps: beta gets no further"
    assert f"vael: {said} than 0.28" in capfd.readouterr().err
    assert said in (folder / "train.log").read_text().splitlines()[0]


def test_another_seed_is_another_run_and_one_stream_can_be_varied_alone(whole, tmp_path):
    varied = make_run(tmp_path, *QUICK, *STATEFUL, "seeds.latent=1")
    train(varied)
    same, other = weights(whole)["state_dict"], weights(varied)["state_dict"]
    assert any(not torch.equal(same[name], other[name]) for name in same)


def test_a_nan_stops_the_run_at_its_step_and_says_where(tmp_path):
    folder = make_run(
        tmp_path, *QUICK, "+callbacks.extra.nan={_target_: helpers.callbacks.Poison, step: 7}"
    )
    with pytest.raises(NonFiniteLoss) as raised:
        train(folder)
    assert raised.value.exit_code == 3
    said = str(raised.value)
    assert re.search(r"the loss is nan at step 7 \(epoch 1\): distortion not finite", said)
    assert "learning rate 0.001" in said
    assert "gradient norm nan" in said
    summary = read(folder)
    assert summary["status"] == "failed"
    assert summary["reason"] == said
    assert summary["steps"] == 7
    kept = weights(folder)["state_dict"].values()
    assert all(torch.isfinite(tensor).all() for tensor in kept)


@pytest.mark.parametrize("damage", ["truncate", "foreign", "shape"])
def test_a_bad_checkpoint_is_refused_and_stays(whole, tmp_path, damage):
    overrides = ["model.latent_dim=5"] if damage == "shape" else []
    folder = make_run(tmp_path, *QUICK, *overrides)
    last = folder / "checkpoints" / "last.ckpt"
    last.parent.mkdir()
    content = (whole / "checkpoints" / "last.ckpt").read_bytes()
    last.write_bytes(content[:1000] if damage == "truncate" else content)
    if damage == "foreign":
        torch.save({"weights": torch.zeros(2)}, last)
    with pytest.raises(CheckpointError, match=r"last\.ckpt"):
        train(folder)
    assert last.exists()


def test_a_folder_without_a_config_is_no_run(tmp_path):
    with pytest.raises(ConfigError, match="is not a run"):
        train(tmp_path)
