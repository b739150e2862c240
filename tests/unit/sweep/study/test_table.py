import csv
import json

import optuna
import pytest

from vael.errors import VaelError
from vael.sweep.study.table import TrialTable, read_targets
from vael.sweep.study.trials_file import write_csv


@pytest.fixture
def study(tmp_path):
    """One trial of each state; the first has left a run."""
    made = optuna.create_study()
    for state, value in (
        ("COMPLETE", 2.5),
        ("PRUNED", 3.0),
        ("FAIL", None),
        ("RUNNING", None),
        ("WAITING", None),
    ):
        made.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState[state],
                value=value,
                params={"objective.beta": 0.5},
                distributions={"objective.beta": optuna.distributions.FloatDistribution(0, 1)},
                user_attrs={"reason": 'a, "b"\nc', "attempts": 2} if state == "FAIL" else {},
            )
        )
    run = tmp_path / "trials" / "0000"
    run.mkdir(parents=True)
    (run / "summary.json").write_text(
        json.dumps(
            {
                "epochs": 7,
                "seconds": 1.5,
                "reason": None,
                "metrics": {
                    "val/bpd": 2.5,
                    "val/rate": None,
                    "val/mse": float("nan"),
                    "test/bpd": 9.0,
                    "train/loss": 1.0,
                },
            }
        )
    )
    return made


def test_a_row_is_what_the_study_and_the_run_say(study, tmp_path):
    table = TrialTable(tmp_path).rows(study.get_trials())
    assert [row.state for row in table] == ["complete", "pruned", "failed", "running", "waiting"]
    assert [row.finished for row in table] == [True, True, True, False, False]
    assert [row.values for row in table] == [(2.5,), (3.0,), (), (), ()]
    first = table[0]
    assert (first.epochs, first.seconds, first.reason, first.attempts) == (7, 1.5, None, 1)
    assert first.metrics == {"val/bpd": 2.5}
    assert first.folder == tmp_path / "trials" / "0000"
    assert (table[2].reason, table[2].attempts, table[2].epochs) == ('a, "b"\nc', 2, None)
    assert first.ended is not None
    assert table[3].ended is None


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"metrics": 3, "epochs": true}'])
def test_a_broken_summary_is_nothing(study, tmp_path, text):
    (tmp_path / "trials" / "0000" / "summary.json").write_text(text)
    row = TrialTable(tmp_path).rows(study.get_trials())[0]
    assert (row.values, row.epochs, row.seconds, dict(row.metrics)) == ((2.5,), None, None, {})


def test_the_file_has_one_record_for_each_trial_that_has_ended(study, tmp_path):
    write_csv(tmp_path, TrialTable(tmp_path).rows(study.get_trials()), ["val/bpd"])
    with (tmp_path / "trials.csv").open(newline="") as file:
        records = list(csv.DictReader(file))
    assert [record["number"] for record in records] == list("012")
    assert records[0]["val/bpd"] == records[0]["metrics.val/bpd"] == "2.5"
    assert records[0]["params.objective.beta"] == "0.5"
    assert records[0]["folder"] == "trials/0000"
    assert records[2]["reason"] == 'a, "b" c'
    assert records[2]["val/bpd"] == ""


def test_what_a_run_costs_is_a_target_beside_its_scores(study, tmp_path):
    run = tmp_path / "trials" / "0000"
    summary = json.loads((run / "summary.json").read_text()) | {"status": "finished"}
    (run / "summary.json").write_text(json.dumps(summary | {"parameters": 14113}))
    assert read_targets(run, ["val/bpd", "seconds", "parameters"]) == [2.5, 1.5, 14113.0]
    (run / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(VaelError, match="parameters is None in"):
        read_targets(run, ["val/bpd", "parameters"])


def test_a_target_that_is_a_column_already_stands_in_the_file_once(tmp_path):
    made = optuna.create_study(directions=["minimize", "minimize"])
    made.add_trial(optuna.trial.create_trial(values=[2.5, 1.5]))
    rows = TrialTable(tmp_path).rows(made.get_trials())
    write_csv(tmp_path, rows, ["val/bpd", "seconds"])
    with (tmp_path / "trials.csv").open(newline="") as file:
        header, record = csv.reader(file)
    assert header.count("seconds") == 1
    assert record[header.index("val/bpd")] == "2.5"


def test_null_is_told_from_what_a_trial_does_not_have(tmp_path):
    made = optuna.create_study()
    for params in ({"clip": None}, {}):
        kinds = {
            name: optuna.distributions.CategoricalDistribution([None, 1.0]) for name in params
        }
        made.add_trial(optuna.trial.create_trial(value=2.0, params=params, distributions=kinds))
    table = TrialTable(tmp_path).rows(made.get_trials())
    assert [row.choice("clip") for row in table] == ["null", None]
    write_csv(tmp_path, table, ["val/bpd"])
    with (tmp_path / "trials.csv").open(newline="") as file:
        assert [record["params.clip"] for record in csv.DictReader(file)] == ["null", ""]
