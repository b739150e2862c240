"""A run repeated from its config: the same to the bit, or where it first differs."""

import json
import shutil

import pytest
import torch
from helpers.runs import QUICK, make_run
from typer.testing import CliRunner

from vael.cli.main import app
from vael.evaluation.repeat import find_differences
from vael.training.fit import train

SMALL = (
    *QUICK,
    "trainer.max_epochs=2",
    "trainer.log_every_n_steps=2",
    "report=false",
    "data.binarize=stochastic",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run, and beside it its repetition, made by the command."""
    folder = make_run(tmp_path_factory.mktemp("again"), *SMALL)
    train(folder)
    return folder


@pytest.fixture(scope="module")
def repeated(run):
    """What the command has printed, and the folder that it has made."""
    done = CliRunner().invoke(app, ["train", str(run), "--again"])
    return done, run.with_name(f"{run.name}-again")


def test_a_repeated_run_is_the_same_to_the_bit(run, repeated):
    done, folder = repeated
    assert done.exit_code == 0, done.output
    assert f"same: {folder}" in done.stdout
    state = [
        torch.load(f / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for f in (run, folder)
    ]
    assert all(torch.equal(state[0][name], state[1][name]) for name in state[0])


def other_weight(folder):
    path = folder / "checkpoints" / "last.ckpt"
    loaded = torch.load(path, weights_only=True)
    weight = (
        loaded["state_dict"]["vae.latents.posterior.net.net.0.weight"]
        if "vae.latents.posterior.net.net.0.weight" in loaded["state_dict"]
        else next(v for v in loaded["state_dict"].values() if v.ndim == 2)
    )
    weight[1, 2] = torch.nextafter(weight[1, 2], weight[1, 2] + 1)
    torch.save(loaded, path)
    return r"checkpoints/last.ckpt, state_dict", "[1, 2]: ", "(1 of "


def other_moment(folder):
    path = folder / "checkpoints" / "last.ckpt"
    loaded = torch.load(path, weights_only=True)
    loaded["optimizer_states"][0]["state"][0]["exp_avg"][0, 0] += 1
    torch.save(loaded, path)
    return ("checkpoints/last.ckpt, optimizer_states.0.state.0.exp_avg[0, 0]",)


def other_row(folder):
    lines = (folder / "metrics.csv").read_text().splitlines()
    names, cells = lines[0].split(","), lines[2].split(",")
    cells[names.index("train/lr")] = "0.25"
    lines[2] = ",".join(cells)
    (folder / "metrics.csv").write_text("\n".join(lines) + "\n")
    return (f"metrics.csv, step {cells[0]}, train/lr: 0.001 and 0.25",)


def missing_row(folder):
    text = (folder / "metrics.csv").read_text()
    (folder / "metrics.csv").write_text(text[: text.rindex("\n", 0, -1) + 1])
    rows = text.count("\n") - 1
    return (f"metrics.csv: {rows} and {rows - 1} rows",)


def other_summary(folder):
    read = json.loads((folder / "summary.json").read_text())
    read["metrics"]["test/elbo"] = -1.5
    (folder / "summary.json").write_text(json.dumps(read))
    return "summary.json, metrics.test/elbo: ", " and -1.5"


@pytest.mark.parametrize(
    "spoil", [other_weight, other_moment, other_row, missing_row, other_summary]
)
def test_the_first_difference_is_named(run, repeated, tmp_path, spoil):
    folder = shutil.copytree(repeated[1], tmp_path / "copy")
    assert find_differences(run, folder) == []
    said = spoil(folder)
    (line,) = find_differences(run, folder)
    assert all(part in line for part in said), line


def test_a_draw_without_a_key_is_found_out(tmp_path):
    folder = make_run(
        tmp_path, *SMALL, "+callbacks.extra.dice={_target_: helpers.callbacks.Dice, step: 3}"
    )
    train(folder)
    done = CliRunner().invoke(app, ["train", str(folder), "--again"])
    assert done.exit_code == 1
    assert "metrics.csv, step 4, train/" in done.stdout
    assert "look for a draw without a key" in done.stdout


def test_a_repetition_that_was_begun_is_gone_on_with(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    again = tmp_path / "run-again"
    again.mkdir()
    shutil.copy(run / "config.yaml", again)
    done = CliRunner().invoke(app, ["train", str(copy), "--again"])
    assert done.exit_code == 0, done.output
    assert not (tmp_path / "run-again-1").exists()


@pytest.mark.parametrize("status", [None, "interrupted", "pruned"])
def test_only_what_has_finished_can_be_repeated(run, tmp_path, status):
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(run / "config.yaml", folder)
    if status:
        read = json.loads((run / "summary.json").read_text())
        (folder / "summary.json").write_text(json.dumps({**read, "status": status}))
    done = CliRunner().invoke(app, ["train", str(folder), "--again"])
    assert done.exit_code != 0
    assert "only a finished run can be repeated" in str(done.exception)
    assert not list(tmp_path.glob("*-again*"))
