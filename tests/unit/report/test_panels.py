import math

import pytest

from vael.report.numbers import format_number, tabulate_metrics
from vael.report.panels import arrange_panels
from vael.runs.metrics_csv import read_history


def history(tmp_path, text):
    path = tmp_path / "metrics.csv"
    path.write_text(text)
    return read_history(path)


def test_one_value_an_epoch_stands_at_the_end_of_the_epoch(tmp_path):
    read = history(tmp_path, "step,epoch,val/bpd,train/lr\n5,0,,1\n10,0,3.5,1\n20,1,2.5,0.5\n")
    assert read.series["val/bpd"].x == [1, 2]
    assert read.series["val/bpd"].value == [3.5, 2.5]
    assert read.series["train/lr"].x == [0.5, 1, 2]
    assert read.series["train/lr"].step == [5, 10, 20]


def test_without_epochs_the_axis_is_the_step(tmp_path):
    read = history(tmp_path, "step,val/bpd\n10,3.5\n20,2.5\n")
    assert (read.axis, read.series["val/bpd"].x) == ("step", [10, 20])


def test_of_a_step_that_was_logged_twice_the_later_value_counts(tmp_path):
    read = history(tmp_path, "step,epoch,val/bpd\n10,0,3\n20,1,9\n20,1,2\n")
    assert read.series["val/bpd"].value == [3, 2]


def test_nan_stays_and_rubbish_goes(tmp_path):
    read = history(tmp_path, "step,epoch,a,b\n1,0,nan,x\n2,1,inf,3\n3,2,1\n4,3,5,6,7,8\n5,\0")
    assert math.isnan(read.series["a"].value[0])
    assert read.series["a"].value[1:] == [math.inf, 1, 5]
    assert read.series["b"].value == [3, 6]


@pytest.mark.parametrize("text", ["", "\n", "step,epoch\n", "step,epoch,a\n1,0,\n", "\x00\xff"])
def test_nothing_logged(tmp_path, text):
    assert read_history(tmp_path / "missing.csv").series == {}
    assert history(tmp_path, text).series == {}


def test_panels_take_what_is_there_and_tell_splits_apart(tmp_path):
    read = history(tmp_path, "step,epoch,val/bpd,train/rate,val/rate,lr-Adam\n1,0,1,2,3,4\n")
    shown = {panel.title: panel for panel in arrange_panels(read)}
    assert next(iter(shown)) == "Bits per dimension"
    rate = shown["Rate, the information in z"]
    assert rate.names == ("train/rate", "val/rate")
    assert len(set(rate.colours)) == 2
    assert shown["Bits per dimension"].colours == rate.colours[1:]
    assert shown["Learning rate"].names == ("lr-Adam",)


def test_the_table_has_a_dash_for_a_split_and_no_row_for_what_was_measured_nowhere():
    columns, lines = tabulate_metrics(
        {"val/bpd": 2.25, "test/bpd": 2.5, "test/mig": 0.25, "train/lr": 1.0}
    )
    assert columns == ["val", "test"]
    rows = {line.metric.name: line.values for line in lines}
    assert rows["bpd"] == ("2.250", "2.500")
    assert "elbo" not in rows
    assert rows["mig"] == ("–", "0.2500")  # noqa: RUF001
    assert "lr" not in rows


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.0, "2"),
        (2.00041, "2.000"),
        (-99.754, "\u221299.75"),
        (123456.7, "123,457"),
        (0.03125, "0.0312"),
        (1.5e-5, "1.50e\u221205"),
        (float("nan"), "nan"),
        (-3.0, "\u22123"),
        (0.0, "0"),
        (None, "–"),  # noqa: RUF001
    ],
)
def test_numbers_as_text(value, text):
    assert format_number(value) == text
