"""A run that a sweep's constraint rules out ends before its first step, and says so."""

import json

import pytest
from helpers.runs import QUICK, make_run

from vael.runs.folder import RunFolder
from vael.sweep.study.records import Outcome
from vael.sweep.workers.outcome import find_outcome
from vael.training.fit import train


@pytest.mark.parametrize(("bound", "trains"), [("< 300", False), ("< 1e9", True)])
def test_a_bound_on_the_size_is_judged_before_the_first_step(tmp_path, bound, trains):
    more = (f"sweep.constraint=['parameters {bound}']", "trainer.max_epochs=1", "report=false")
    run = make_run(tmp_path, *QUICK, *more, "evaluation.test=false")
    train(run)
    left = json.loads(RunFolder(run).summary.read_text())
    assert left["status"] == ("finished" if trains else "pruned")
    assert (left["steps"] > 0) == trains
    assert RunFolder(run).best.exists() == RunFolder(run).metrics.exists() == trains
    if not trains:
        size = left["parameters"]
        reason = f"parameters is {size:.6g}, but the constraint is parameters < 300"
        assert find_outcome(run, 0, asked=False) == Outcome("pruned", reason)
        assert f"not trained: {reason}" in (run / "train.log").read_text()
