"""Runs that leave the test data alone, and runs that are asked to stop for good."""

import json

import pytest
from helpers.identical import read, weights
from helpers.runs import QUICK, make_run
from omegaconf import OmegaConf
from typer.testing import CliRunner

from vael.cli.main import app
from vael.data.module import VaelData
from vael.runs.folder import RunFolder
from vael.training.fit import train

TRIAL = (*QUICK, "evaluation.test=false", "report=false")


def request(folder, reason="no better than the median"):
    (RunFolder(folder).stop).write_text(json.dumps({"reason": reason}))


def test_a_trial_leaves_test_data_and_report_out(tmp_path, monkeypatch):
    select, seen = VaelData.select, []

    def watched(self, split):
        seen.append(split)
        return select(self, split)

    monkeypatch.setattr(VaelData, "select", watched)
    folder = make_run(tmp_path, *TRIAL)
    train(folder)
    assert set(seen) == {"train", "val"}
    summary = read(folder)
    assert summary["status"] == "finished"
    assert "val/bpd" in summary["metrics"]
    assert not [name for name in summary["metrics"] if name.startswith("test/")]
    assert summary["best_checkpoint"] == "checkpoints/best.ckpt"
    assert (folder / "images" / "samples.png").exists()
    assert not (folder / "report.html").exists()
    again = CliRunner().invoke(app, ["train", str(folder)])
    assert f"val/bpd{summary['metrics']['val/bpd']:>25.4f}  bits/dim, k = 4" in again.stdout
    assert "report  " not in again.stdout


def test_the_same_run_with_and_without_its_test_trains_alike(tmp_path):
    with_test, without = make_run(tmp_path / "a", *QUICK), make_run(tmp_path / "b", *TRIAL)
    for folder in (with_test, without):
        train(folder)
    found = [
        {
            k: v
            for k, v in read(f)["metrics"].items()
            if not k.startswith("test/") and "second" not in k
        }
        for f in (with_test, without)
    ]
    assert found[0] == found[1]


def test_a_config_of_before_these_settings_still_trains(tmp_path):
    folder = make_run(tmp_path, *QUICK, "trainer.max_epochs=1")
    config = OmegaConf.load(folder / "config.yaml")
    del config.evaluation["test"], config["report"]
    OmegaConf.save(config, folder / "config.yaml")
    train(folder)
    assert "test/bpd" in read(folder)["metrics"]
    assert (folder / "report.html").exists()


def test_a_request_ends_the_run_after_its_epoch_as_pruned(tmp_path):
    folder = make_run(tmp_path, *QUICK, "trainer.max_epochs=9")
    request(folder)
    train(folder)
    summary = read(folder)
    assert (summary["status"], summary["reason"]) == ("pruned", "no better than the median")
    assert summary["epochs"] == 1
    assert summary["metrics"]["val/bpd"] > 0
    assert not [name for name in summary["metrics"] if name.startswith("test/")]
    assert weights(folder, "best")["epoch"] == weights(folder, "last")["epoch"] == 0
    assert (folder / "images" / "samples.png").exists()


def test_a_pruned_run_does_not_go_on(tmp_path):
    folder = make_run(tmp_path, *TRIAL)
    request(folder, "worse than others")
    train(folder)
    before = (folder / "summary.json").read_bytes()
    done = CliRunner().invoke(app, ["train", str(folder)])
    assert done.exit_code == 0
    assert f"{folder} is pruned (worse than others); another run: vael train" in done.stdout
    assert (folder / "summary.json").read_bytes() == before


def test_a_request_in_the_last_epoch_comes_too_late(tmp_path):
    folder = make_run(tmp_path, *TRIAL, "trainer.max_epochs=1")
    request(folder)
    train(folder)
    assert (read(folder)["status"], read(folder)["reason"]) == ("finished", None)


@pytest.mark.parametrize("text", ["", "[]", "{}", "\x00"])
def test_a_request_of_another_kind_asks_as_well(tmp_path, text):
    folder = make_run(tmp_path, *TRIAL)
    RunFolder(folder).stop.write_text(text)
    train(folder)
    assert (read(folder)["status"], read(folder)["reason"]) == ("pruned", "asked to by stop.json")
