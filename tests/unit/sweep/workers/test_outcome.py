"""How an attempt ended, from its exit code and what it left."""

import json

import pytest

from vael.sweep.study.records import Outcome
from vael.sweep.workers.command import LOG
from vael.sweep.workers.outcome import find_outcome

KILLED = "killed by signal 9 (SIGKILL), by hand or by the kernel when memory ran out"


def summary(status, reason=None, score=2.0):
    return {"status": status, "reason": reason, "target": "val/bpd", "metrics": {"val/bpd": score}}


@pytest.mark.parametrize(
    ("left", "code", "asked", "expected"),
    [
        (summary("finished"), 0, False, Outcome("complete")),
        (summary("finished"), 0, True, Outcome("complete")),
        (summary("finished"), -9, False, Outcome("complete")),  # killed after its last word
        (
            summary("finished", score=None),
            0,
            False,
            Outcome("failed", "val/bpd is not finite in any epoch"),
        ),
        (summary("pruned", "why"), 0, False, Outcome("pruned", "why")),
        (summary("failed", "the loss is nan"), 3, False, Outcome("failed", "the loss is nan")),
        (summary("failed", "out of memory: x"), 4, True, Outcome("failed", "out of memory: x")),
        (
            summary("failed", "rank 1: killed"),
            137,
            False,
            Outcome("lost", KILLED),
        ),  # of a supervisor
        (
            summary("interrupted", "x"),
            143,
            True,
            Outcome("stopped", "killed by signal 15 (SIGTERM)"),
        ),
        (
            summary("interrupted", "x"),
            143,
            False,
            Outcome("lost", "killed by signal 15 (SIGTERM)"),
        ),
        (None, -9, False, Outcome("lost", KILLED)),
        (None, -9, True, Outcome("stopped", KILLED)),
        (None, -11, False, Outcome("lost", "killed by signal 11 (SIGSEGV)")),
        (None, 0, False, Outcome("lost", "it ended without a result")),
        (None, 2, False, Outcome("failed", "no such option")),
        (None, 1, False, Outcome("failed", "no such option")),
        (
            None,
            5,
            False,
            Outcome("stopped", "no such option"),
        ),  # a full disk: not the trial's fault
        (summary("interrupted", "cannot write x"), 5, False, Outcome("stopped", "cannot write x")),
        (summary("interrupted", "earlier"), 2, False, Outcome("failed", "no such option")),
    ],
)
def test_outcomes(tmp_path, left, code, asked, expected):
    if left is not None:
        (tmp_path / "summary.json").write_text(json.dumps(left))
    (tmp_path / LOG).write_text("something\nvael: no such option\n\n")
    assert find_outcome(tmp_path, code, asked) == expected


def test_a_process_that_said_nothing_and_a_torn_summary(tmp_path):
    (tmp_path / "summary.json").write_text("{")
    assert find_outcome(tmp_path, 1, False) == Outcome("failed", "exit code 1")
    assert find_outcome(tmp_path, -9, False).kind == "lost"
