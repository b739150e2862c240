"""The rows of a growing metrics.csv."""

import os

from vael.runs.metrics_csv import NewRows


def write(path, *rows):
    text = "step,epoch,train/loss,val/bpd\n" + "".join(f"{','.join(row)}\n" for row in rows)
    path.with_suffix(".new").write_text(text)
    os.replace(path.with_suffix(".new"), path)


def test_each_epoch_comes_once_also_after_a_restart_from_a_checkpoint(tmp_path):
    path = tmp_path / "metrics.csv"
    new = NewRows(path, "val/bpd")
    assert new.read() == []
    write(path, ("1", "0", "9.5", ""))
    assert new.read() == []  # a row of steps has no score
    write(path, ("1", "0", "9.5", ""), ("2", "0", "", "3.5"))
    assert new.read() == [(0, {"step": 2.0, "epoch": 0.0, "val/bpd": 3.5})]
    assert new.read() == []
    write(path, ("2", "0", "", "3.5"), ("4", "1", "8", "3.25"), ("6", "2", "7", "3.0"))
    assert [(epoch, row["val/bpd"]) for epoch, row in new.read()] == [(1, 3.25), (2, 3.0)]
    write(path, ("2", "0", "", "3.5"), ("4", "1", "8", "3.25"))  # went back to step 4
    assert new.read() == []
    write(
        path,
        ("2", "0", "", "3.5"),
        ("4", "1", "8", "3.25"),
        ("6", "2", "7", "3.0"),
        ("8", "3", "6", "2.5"),
    )
    assert [epoch for epoch, _ in new.read()] == [3]
