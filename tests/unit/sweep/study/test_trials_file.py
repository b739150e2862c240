"""trials.csv, to which several processes add lines one after another."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from vael.errors import DiskError
from vael.sweep.study import trials_file
from vael.sweep.study.ranking import rank_trials
from vael.sweep.study.table import TrialRow
from vael.sweep.study.trials_file import TrialsFile, write_csv


def row(folder, number, state="complete", value=2.5, reason=None, metrics=None, **params):
    values = () if value is None else (value,)
    run = folder / "trials" / f"{number:04d}"
    metrics = {"val/bpd": value} if metrics is None else metrics
    return TrialRow(number, state, values, reason, params, 3, 1.5, 1, run, metrics=metrics)


def records(folder):
    with (folder / trials_file.NAME).open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_reader_sees_what_the_others_add_and_no_line_is_written_again(tmp_path, monkeypatch):
    files = [TrialsFile(tmp_path, ["val/bpd"]) for _ in range(3)]
    files[0].read_new()
    files[0].add(row(tmp_path, 0, p=1), ["p", "q"])
    monkeypatch.setattr(trials_file, "write_text", lambda *_: pytest.fail("written anew"))
    for number in range(1, 30):
        own = files[number % 3]
        before = (tmp_path / trials_file.NAME).read_bytes()
        seen = {r.number: r for r in own.read_new()}
        assert own.numbers == set(range(number))
        assert all(r.values == (2.5 + r.number,) for r in seen.values() if r.number)
        own.add(row(tmp_path, number, value=2.5 + number, p=number), ["p", "q"])
        assert (tmp_path / trials_file.NAME).read_bytes().startswith(before)
    assert [record["number"] for record in records(tmp_path)] == [str(n) for n in range(30)]
    assert {record["params.q"] for record in records(tmp_path)} == {""}


def test_a_column_more_widens_it_and_others_notice(tmp_path):
    one, two = TrialsFile(tmp_path, ["val/bpd"]), TrialsFile(tmp_path, ["val/bpd"])
    one.add(row(tmp_path, 0, "failed", None, 'lost, "twice"\nover', {}), ["p"])
    assert [(r.number, r.state, r.values) for r in two.read_new()] == [(0, "failed", ())]
    one.add(row(tmp_path, 1, p=7, metrics={"val/bpd": 2.5, "val/rate": 3.0}), ["p"])
    two.read_new()
    assert two.numbers == {0, 1}
    two.add(row(tmp_path, 2, r=8), ["p"])
    one.read_new()
    assert one.numbers == {0, 1, 2}
    first, second, third = records(tmp_path)
    assert (first["reason"], first["params.p"], first["val/bpd"]) == ('lost, "twice" over', "", "")
    assert (second["params.p"], second["metrics.val/rate"], second["val/bpd"]) == (
        "7",
        "3.0",
        "2.5",
    )
    assert (third["params.r"], third["params.p"]) == ("8", "")


def test_what_breaks_a_constraint_is_read_as_such(tmp_path):
    one, two = TrialsFile(tmp_path, ["val/bpd"]), TrialsFile(tmp_path, ["val/bpd"])
    one.add(replace(row(tmp_path, 0, value=1.0), feasible=False), [])
    one.add(row(tmp_path, 1, value=2.0), [])
    assert [r.number for r in rank_trials(two.read_new(), "minimize")] == [1]


def test_a_line_left_half_is_cut_off_by_the_next(tmp_path):
    one, two = TrialsFile(tmp_path, ["val/bpd"]), TrialsFile(tmp_path, ["val/bpd"])
    one.add(row(tmp_path, 0), [])
    with (tmp_path / trials_file.NAME).open("ab") as file:
        file.write(b"1,complete,,3,1.5,1,,,trials/00")
    two.read_new()
    assert two.numbers == {0}
    two.add(row(tmp_path, 2), [])
    one.read_new()
    assert one.numbers == {0, 2}
    assert [record["number"] for record in records(tmp_path)] == ["0", "2"]


def test_written_anew_in_another_order_it_is_read_anew(tmp_path):
    one = TrialsFile(tmp_path, ["val/bpd"])
    rows = [row(tmp_path, number, value=float(number)) for number in (2, 0, 1)]
    for r in rows:
        one.add(r, [])
    write_csv(tmp_path, sorted(rows, key=lambda r: r.number), ["val/bpd"])
    other = row(tmp_path, 3, value=3.0)
    TrialsFile(tmp_path, ["val/bpd"]).add(other, [])
    one.read_new()
    assert one.numbers == {0, 1, 2, 3}
    assert [record["number"] for record in records(tmp_path)] == list("0123")


def test_a_full_disk_is_told_in_one_line(tmp_path, monkeypatch):
    one = TrialsFile(tmp_path, ["val/bpd"])
    one.add(row(tmp_path, 0), [])

    def full(path, mode="r", **_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(DiskError, match=r"cannot write .*trials\.csv: No space left"):
            trials_file.append_lines(one.path, "1\n")
