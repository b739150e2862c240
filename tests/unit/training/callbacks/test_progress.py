"""One bar on a terminal, few lines in a log."""

import os
import pty
import subprocess
import sys

import pytest
from helpers.runs import QUICK, ROOT

pytestmark = pytest.mark.slow
COMMAND = [sys.executable, str(ROOT / "train.py"), *QUICK, "callbacks.progress.refresh_seconds=0"]


def test_a_terminal_shows_a_bar_with_score_and_speed(tmp_path):
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    running = subprocess.Popen(
        COMMAND, cwd=tmp_path, env=environment, stderr=theirs, stdout=subprocess.DEVNULL
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:  # the other end is closed: the run is over
        pass
    assert running.wait(timeout=200) == 0
    text = shown.decode()
    assert "epoch 2" in text
    assert "15/15" in text
    assert "bpd" in text
    assert "examples/s" in text
    assert "test" in text


def test_a_log_begins_with_the_run_and_has_the_first_and_the_last_epoch_of_a_short_one(tmp_path):
    done = subprocess.run(COMMAND, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    (folder,) = tmp_path.glob("outputs/*/*")
    lines = done.stdout.splitlines()
    assert lines[0] == f"run     {folder.relative_to(tmp_path)}"
    assert lines[1].startswith(
        "data    scikit-learn's digits: 1,797 images 1 x 8 x 8, 17 levels, "
    )
    assert [line.split()[1] for line in lines if line.startswith("epoch ")] == ["1/3", "3/3"]
    log = (folder / "train.log").read_text()
    assert lines[1] in log
    assert next(line for line in lines if line.startswith("test/bpd")) in log
