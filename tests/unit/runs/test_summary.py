"""summary.json: its fields, its readers, and the scores that it takes."""

import json

import pytest

from vael.errors import VaelError
from vael.runs.summary import (
    CIRCUMSTANCES,
    REPEATED,
    Summary,
    finite_number,
    peek_summary,
    pick_scores,
    read_summary,
)


def test_a_summary_is_read_back_whole_and_what_is_not_known_is_null(tmp_path):
    assert read_summary(tmp_path) is None
    assert peek_summary(tmp_path) == {}
    Summary(target="val/bpd", metrics={"val/bpd": 2.5, "val/elbo": float("nan")}).write(tmp_path)
    read = read_summary(tmp_path)
    assert read is not None
    assert read == peek_summary(tmp_path)
    assert (read["status"], read["seed"], read["versions"]) == ("failed", None, {})
    assert read["metrics"] == {"val/bpd": 2.5, "val/elbo": None}
    assert Summary.of({**read, "metrics": {}, "of another version": 1}) == Summary(
        target="val/bpd"
    )


@pytest.mark.parametrize("text", ["{", "[1]", '{"reason": null}', "\xff"])
def test_what_is_no_summary_is_refused_or_read_as_far_as_possible(tmp_path, text):
    (tmp_path / "summary.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(VaelError, match="remove it to go on"):
        read_summary(tmp_path)
    assert peek_summary(tmp_path) == (json.loads(text) if "reason" in text else {})


@pytest.mark.parametrize(("target", "epoch"), [("val/bpd", 1), ("val/elbo", 2)])
def test_the_best_epoch_is_the_first_of_the_best_targets(target, epoch):
    rows = [
        {"epoch": 0.0, "train/loss": 9.0},
        {"epoch": 0.0, target: 3.0, "train/examples_per_second": 10.0},
        {"epoch": 1.0, target: 2.0},
        {"epoch": 2.0, target: 4.0, "train/examples_per_second": 30.0},
        {"epoch": 3.0, target: 2.0 if target == "val/bpd" else 4.0},
    ]
    summary = Summary(target=target)
    summary.take_scores(rows[:1])
    assert (summary.best_epoch, summary.metrics) == (None, {})
    summary.take_scores(rows)
    assert summary.best_epoch == epoch
    assert summary.metrics == {n: v for n, v in rows[epoch + 1].items() if n != "epoch"}
    assert summary.examples_per_second == 20.0


def test_a_repeated_run_is_compared_in_all_but_its_circumstances():
    names = set(vars(Summary()))
    assert names >= CIRCUMSTANCES
    assert set(REPEATED) == names - CIRCUMSTANCES
    assert {"metrics", "fit", "family", "best_epoch", "warnings"} <= set(REPEATED)


def test_only_finite_numbers_are_numbers():
    assert [finite_number(v) for v in (1, 2.5, True, "3", None, float("inf"), float("nan"))] == [
        1.0,
        2.5,
        None,
        None,
        None,
        None,
        None,
    ]
    assert pick_scores({"metrics": {"val/a": 1, "test/a": 2, "x": 3}}, ("val", "test")) == {
        "val/a": 1.0,
        "test/a": 2.0,
    }
