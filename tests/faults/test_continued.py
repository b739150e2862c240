"""A run that goes on elsewhere, under another config or without its files: nothing in silence."""

import re
import shutil

import numpy as np
import pytest
import torch
from helpers.identical import assert_as_if_never_stopped, metrics, read, rows, weights
from helpers.runs import QUICK, make_run

from vael.distributed.signals import Stopped
from vael.errors import CheckpointError, ConfigError
from vael.evaluation.verify import verify_run
from vael.training.fit import train

# the first epoch is the best: its score must outlive a stop in the second one
BEST_FIRST = (
    *QUICK,
    "trainer.max_epochs=2",
    "callbacks.checkpoint.every_n_steps=2",
    "trainer.log_every_n_steps=2",
    "report=false",
)
KILL = (
    "+callbacks.extra.kill={_target_: helpers.callbacks.KillOnce, number: SIGTERM, where: batch, "
    "step: 7, file: FILE}"
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Never stopped."""
    folder = make_run(tmp_path_factory.mktemp("whole"), *BEST_FIRST)
    train(folder)
    assert read(folder)["best_epoch"] == 0
    return folder


@pytest.fixture(scope="module")
def first_part(tmp_path_factory):
    """Stopped within its second epoch."""
    folder = tmp_path_factory.mktemp("part")
    stopped = make_run(folder, *BEST_FIRST, KILL.replace("FILE", str(folder / "killed")))
    with pytest.raises(Stopped):
        train(stopped)
    return stopped


@pytest.fixture
def stopped(first_part, tmp_path):
    """The same, to go on with, in its place."""
    kept = shutil.copytree(first_part, tmp_path / "kept")
    yield first_part
    shutil.rmtree(first_part)
    shutil.copytree(kept, first_part)


def edit(folder, old, new):
    file = folder / "config.yaml"
    text = file.read_text()
    assert re.search(old, text)
    file.write_text(re.sub(old, new, text))


def test_in_its_place_nothing_is_said(whole, stopped):
    train(stopped)
    assert_as_if_never_stopped(whole, stopped)
    assert read(stopped)["warnings"] == []


def test_a_folder_that_was_moved_goes_on_as_if_it_had_not_been(whole, first_part, tmp_path):
    """Lightning forgets the best score when the folder has another name."""
    moved = shutil.copytree(first_part, tmp_path / "other disk")
    train(moved)
    assert_as_if_never_stopped(whole, moved)
    assert read(moved)["best_epoch"] == 0
    assert weights(moved, "best")["epoch"] == 0


def test_a_checkpoint_without_its_best_one_is_refused_before_the_first_step(first_part, tmp_path):
    folder = shutil.copytree(first_part, tmp_path / "run")
    (folder / "checkpoints" / "best.ckpt").unlink()
    with pytest.raises(CheckpointError, match=r"best\.ckpt is missing.*last\.ckpt"):
        train(folder)
    assert weights(folder)["global_step"] == 8


def without(name):
    return lambda saved: saved.pop(name)


@pytest.mark.parametrize(
    "spoil",
    [
        *map(without, ("optimizer_states", "loops", "callbacks", "global_step", "epoch")),
        lambda saved: saved.update(global_step="8"),
        lambda saved: saved["loops"].clear(),
        lambda saved: saved.update(loops=[]),
        lambda saved: saved.update(config="${oc.env:HOME}"),
    ],
)
def test_a_checkpoint_that_holds_something_else_is_one_line(first_part, tmp_path, spoil):
    folder = shutil.copytree(first_part, tmp_path / "run")
    saved = weights(folder)
    spoil(saved)
    torch.save(saved, folder / "checkpoints" / "last.ckpt")
    with pytest.raises(CheckpointError, match=r"last\.ckpt (is no|must hold)") as caught:
        train(folder)
    assert "\n" not in str(caught.value)


def test_settings_that_were_changed_between_are_told_to_the_end(first_part, tmp_path, capfd):
    folder = shutil.copytree(first_part, tmp_path / "run")
    edit(folder, r"\nseed: 0\n", "\nseed: 5\n")
    edit(folder, "max_epochs: 2", "max_epochs: 3")
    train(folder)
    (said,) = read(folder)["warnings"]
    assert said.startswith("config.yaml has changed since step 8, from which this run goes on: ")
    assert "seed was 0, and is 5" in said
    assert "trainer.max_epochs was 2, and is 3" in said
    assert said in (folder / "train.log").read_text()
    assert said in capfd.readouterr().err
    assert weights(folder)["warnings"] == [said]  # whoever goes on from there tells it, too


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        (r"\n  lr: 0.001\n", "\n  lr: 0.5\n", "optimizer.lr was 0.001, and is 0.5"),
        (
            r"\n    patience: 20\n",
            "\n    patience: 3\n",
            "callbacks.early_stopping.patience was 20, and is 3",
        ),
    ],
)
def test_settings_that_could_have_no_effect_any_more_are_refused(
    first_part, tmp_path, old, new, name
):
    """Their values are in the state that last.ckpt holds."""
    folder = shutil.copytree(first_part, tmp_path / "run")
    edit(folder, old, new)
    with pytest.raises(ConfigError, match=re.escape(name)):
        train(folder)
    edit(folder, re.escape(new), old.replace(r"\n", "\n"))
    assert weights(folder)["global_step"] == 8


def test_data_that_were_changed_between_are_told_to_the_end(tmp_path):
    x = np.random.default_rng(0).integers(0, 4, (400, 1, 8, 8), np.uint8)
    np.save(tmp_path / "x.npy", x)
    folder = make_run(
        tmp_path,
        *BEST_FIRST,
        KILL.replace("FILE", str(tmp_path / "killed")),
        "data=array",
        f"data.path={tmp_path}/x.npy",
        "likelihood=gaussian",
    )
    with pytest.raises(Stopped):
        train(folder)
    np.save(tmp_path / "x.npy", x + 12)
    train(folder)
    said = read(folder)["warnings"][0]
    assert said.startswith("the data are not what they were before step 8, from which this run")
    assert said.endswith(f"and is {read(folder)['data_digest']}")
    found = verify_run(folder)
    assert weights(folder, "best")["epoch"] == 0, "its val/* are of the data before"
    assert not found.same
    assert [d.what for d in found.changed] == ["data_digest (the checkpoint's own)"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-40],
        lambda text: text[:-1],
        lambda text: "\0\n" + text,
        lambda text: text.replace("step,", "stop,"),
        lambda text: text.replace("\n2,", "\ntwo,"),
        lambda text: text.encode() + b"\xff\xfe",
    ],
    ids=["half", "one byte", "NUL", "no steps", "no number", "no text"],
)
def test_a_damaged_table_of_metrics_is_refused(first_part, tmp_path, spoil):
    folder = shutil.copytree(first_part, tmp_path / "run")
    spoilt = spoil((folder / "metrics.csv").read_text())
    (folder / "metrics.csv").write_bytes(spoilt if isinstance(spoilt, bytes) else spoilt.encode())
    with pytest.raises(ConfigError, match=r"metrics\.csv.*damaged") as caught:
        train(folder)
    assert "\n" not in str(caught.value)
    assert weights(folder)["global_step"] == 8


@pytest.mark.parametrize("left", ["nothing", "its header"])
def test_a_table_of_metrics_that_is_gone_is_told_to_the_end(whole, first_part, tmp_path, left):
    folder = shutil.copytree(first_part, tmp_path / "run")
    table = folder / "metrics.csv"
    table.write_text(table.read_text().partition("\n")[0] + "\n")
    if left == "nothing":
        table.unlink()
    train(folder)
    (said,) = read(folder)["warnings"]
    assert said.startswith("metrics.csv had lost the scores of 1 of 1 epochs before step 8, ")
    assert said in (folder / "train.log").read_text()
    kept = [row for row in rows(whole) if int(row["step"]) > 8]
    assert [row["step"] for row in rows(folder)] == [row["step"] for row in kept]
    for name, tensor in weights(whole)["state_dict"].items():
        assert torch.equal(tensor, weights(folder)["state_dict"][name])
    test = {n: v for n, v in metrics(whole).items() if n.startswith("test/")}
    assert test == {n: v for n, v in metrics(folder).items() if n.startswith("test/")}
