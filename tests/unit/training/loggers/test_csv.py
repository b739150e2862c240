import csv

from vael.training.loggers.csv import MetricsCsv


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_of_a_step_are_merged_and_gaps_are_empty(tmp_path):
    log = MetricsCsv(tmp_path / "metrics.csv")
    log.log_metrics({"epoch": 0, "train/loss": 2.5}, 10)
    log.log_metrics({"epoch": 0, "val/bpd": 0.25}, 10)
    log.log_metrics({"epoch": 1, "train/loss": 1.5}, 20)
    log.save()
    assert rows(tmp_path / "metrics.csv") == [
        {"step": "10", "epoch": "0", "train/loss": "2.5", "val/bpd": "0.25"},
        {"step": "20", "epoch": "1", "train/loss": "1.5", "val/bpd": ""},
    ]


def test_a_continued_run_keeps_what_came_before_its_checkpoint_and_only_that(tmp_path):
    path = tmp_path / "metrics.csv"
    first = MetricsCsv(path)
    for step in (10, 20, 30):
        first.log_metrics({"epoch": step // 10 - 1, "train/loss": 1 / step}, step)
    first.save()
    again = MetricsCsv(path)
    again.keep_until(20)
    again.log_metrics({"epoch": 2, "train/loss": 0.5}, 30)
    again.save()
    assert [(row["step"], float(row["train/loss"])) for row in rows(path)] == [
        ("10", 1 / 10),
        ("20", 1 / 20),
        ("30", 0.5),
    ]
