"""Whatever is put in, a step is trained or one clear error comes out: no crash, hang or code run.

The gate tries a sample; `make test-long` tries all and writes results/hostile_input.json.
"""

import time

import pytest
from faults import (
    hostile_arrays,
    hostile_configs,
    hostile_frames,
    hostile_pictures,
    hostile_tables,
    hostile_texts,
)
from faults.hostile import SECONDS, Hung, Tally, deadline
from helpers.runs import ROOT

from vael.errors import VaelError


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An own folder to work in, where nothing may appear that was not asked for."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert not list(tmp_path.rglob("*canary*")), "code from the input was run"


def check_both(tally, *kinds):
    """Bad input was tried, and good input too, so that not everything is refused."""
    for kind in kinds:
        assert tally.counts[kind]["refused"] > 0, kind
    assert any(tally.counts[kind]["accepted"] for kind in kinds)


def test_a_crash_a_hang_and_code_do_not_pass_unnoticed(tmp_path):
    def raises(error):
        raise error

    tally = Tally()
    with pytest.raises(ZeroDivisionError):
        tally.attempt("x", lambda: raises(ZeroDivisionError()))
    with pytest.raises(AssertionError):
        tally.attempt("x", lambda: raises(VaelError("oh")))
    with deadline(0.05), pytest.raises(Hung):
        time.sleep(60)
    assert tally.total() == 0
    canary = hostile_arrays.Canary(tmp_path / "canary")
    make, arguments = canary.__reduce__()
    make(*arguments)
    assert (tmp_path / "canary").exists()
    assert SECONDS <= 60


def test_overrides(place):
    tally = Tally()
    hostile_configs.overrides(tally, place, 25)
    assert tally.counts["overrides"]["refused"] > 10


def test_configs(place):
    tally = Tally()
    hostile_configs.settings_in_files(tally, place, 40)
    check_both(tally, "config.yaml, settings")


def test_yaml(place):
    tally = Tally()
    hostile_configs.yaml_bombs(tally, place, every=3)
    hostile_configs.yaml_damage(tally, place, 20)
    hostile_configs.sweeps(tally, place, 20)
    check_both(tally, "config.yaml, bombs", "sweep files, settings")
    assert tally.counts["sweep files, bombs"]["refused"] > 10


def test_arrays(place):
    tally = Tally()
    hostile_arrays.arrays(tally, place, 60)
    hostile_arrays.headers(tally, place, every=5)
    hostile_arrays.archives(tally, place, every=8)
    check_both(tally, "arrays")
    check_both(tally, "npz names", "npz bombs")


def test_tables(place):
    tally = Tally()
    hostile_arrays.tables(tally, place, 60)
    check_both(tally, "csv")


def test_places_that_are_no_files_and_names_that_are_odd(place):
    tally = Tally()
    hostile_arrays.places(tally, place)
    assert tally.counts["places"]["accepted"] == 0
    check_both(tally, "odd paths")


def test_pictures(place):
    tally = Tally()
    hostile_pictures.tricks(tally, place, ("png",))
    hostile_pictures.damage(tally, place, flips=2, every=25)
    check_both(tally, "picture bombs", "pictures, truncated", "pictures that are no files")


def test_files_that_people_have(place):
    tally = Tally()
    hostile_texts.texts(tally, place, 30)
    hostile_frames.frames(tally, place, 12)
    hostile_frames.variables(tally, place, 12)
    hostile_tables.splits(tally, place, 8)
    hostile_tables.photographs(tally, place, 12)
    hostile_tables.commands(tally, 8)
    check_both(tally, "archives of people", "albums of people")
    for kind in ("tables of people", "frames of pandas", "variables"):
        check_both(tally, kind)


@pytest.mark.long
def test_thousands(place):
    tally = Tally()
    hostile_configs.overrides(tally, place, 200)
    hostile_configs.settings_in_files(tally, place, 400)
    hostile_configs.yaml_bombs(tally, place)
    hostile_configs.yaml_damage(tally, place, 150)
    hostile_configs.sweeps(tally, place, 200)
    hostile_arrays.arrays(tally, place, 400)
    hostile_arrays.headers(tally, place)
    hostile_arrays.archives(tally, place)
    hostile_arrays.tables(tally, place, 300)
    hostile_arrays.places(tally, place)
    hostile_pictures.tricks(tally, place)
    hostile_pictures.damage(tally, place, flips=10)
    hostile_texts.texts(tally, place, 600)
    hostile_frames.frames(tally, place, 150)
    hostile_frames.variables(tally, place, 150)
    hostile_tables.splits(tally, place, 120)
    hostile_tables.photographs(tally, place, 120)
    hostile_tables.commands(tally, 100)
    refused = sum(counter["refused"] for counter in tally.counts.values())
    assert refused >= 2000
    assert not list(place.rglob("*canary*"))
    tally.write(
        ROOT / "results" / "hostile_input.json",
        refused=refused,
        crashed=0,
        hung=0,
        code_run=0,
        seconds_each_at_most=SECONDS,
        command="make test-long",
    )
