"""What becomes of a run's folder, and what is said of a rank that said nothing."""

import json
import os
import signal
from pathlib import Path

import pytest
from support import make_run

from vael import epitaph, lastwords, supervise


def test_only_what_has_never_trained_is_discarded(tmp_path):
    run = make_run(tmp_path)
    (run / "train.log").touch()
    (run / "checkpoints").mkdir()
    supervise.discard(run, is_first=True)
    assert run.exists()
    (run / "checkpoints").rmdir()
    supervise.discard(run, is_first=False)
    assert run.exists()
    supervise.discard(run, is_first=True)
    assert not run.parent.exists()
    assert tmp_path.exists()


def test_a_supervised_rank_only_leaves_a_note(tmp_path, monkeypatch):
    run = make_run(tmp_path)
    monkeypatch.setenv("VAEL_SUPERVISED", "1")
    supervise.discard(run, is_first=True)
    assert (run / ".ranks" / "impossible").exists()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("trainer: {devices: 3, num_nodes: 2}", (3, 2)),
        ("trainer: {devices: x}", (1, 1)),
        ("trainer: [", (1, 1)),
        ("[1]", (1, 1)),
        ("trainer: {devices: 0, num_nodes: 1}", (1, 1)),
    ],
)
def test_a_config_that_is_no_good_is_left_to_one_process(tmp_path, text, found):
    (tmp_path / "config.yaml").write_text(text)
    assert supervise.size(tmp_path) == found


def test_how_a_silent_rank_ended(tmp_path):
    stderr = tmp_path / "stderr"
    stderr.write_text("something\nSegmentation fault in tea\n")
    fault = epitaph.of(2, -signal.SIGSEGV, stderr, asked=None)
    assert fault.told() == "rank 2: killed by signal 11 (SIGSEGV): Segmentation fault in tea"
    assert (fault.code, fault.traceback) == (139, stderr.read_text())
    left = epitaph.of(1, 7, stderr, asked=None)
    assert (left.code, left.message) == (7, "ended with exit code 7: Segmentation fault in tea")
    asked = epitaph.of(0, -signal.SIGTERM, tmp_path / "none", asked=signal.SIGTERM)
    assert (asked.code, asked.told()) == (143, "stopped by SIGTERM before its first step")


def test_a_run_that_died_before_its_first_epoch_has_a_summary_and_a_report(tmp_path):
    run = make_run(tmp_path, "seed=7", "trainer.devices=2")
    epitaph.write(run, epitaph.of(0, -signal.SIGKILL, run / "none", asked=None), seconds=3.0)
    summary = json.loads((run / "summary.json").read_text())
    assert (summary["status"], summary["seed"], summary["devices"]) == ("failed", 7, 2)
    assert summary["reason"].startswith("rank 0: killed by signal 9")
    assert "killed by signal 9" in (run / "report.html").read_text()


def test_what_the_first_rank_wrote_itself_stands(tmp_path):
    run = make_run(tmp_path)
    (run / "summary.json").write_text('{"status": "failed", "reason": "its own"}')
    own = lastwords.of(LookupError("tea"), 0)
    lastwords.leave(run, own)
    epitaph.write(run, own, seconds=1.0)
    assert json.loads((run / "summary.json").read_text())["reason"] == "its own"


def test_more_processes_than_cores_are_warned_of(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    monkeypatch.setattr(Path, "exists", lambda path: False)
    assert supervise.crowded(2) is None
    said = supervise.crowded(64)
    assert said.startswith("trainer.devices=64 starts 64 processes, which take turns on 2 cores")
    monkeypatch.setattr(Path, "exists", lambda path: str(path) == "/dev/nvidiactl")
    assert supervise.crowded(64) is None
