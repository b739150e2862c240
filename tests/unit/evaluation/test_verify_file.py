"""A claimed bound against a file that another process reads back."""

import json
import math
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vael.cli.main import app
from vael.errors import ConfigError, VaelError
from vael.evaluation import verify_file
from vael.evaluation.verify_file import FileVerification, verify_by_file
from vael.pretrained.compress.compress import Compression
from vael.pretrained.compress.decompress import DecompressRequest, decompress_file


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """The other process costs 5 s: one test starts it, elsewhere this one takes its part."""

    def decompress(file, target, folder):
        decompress_file(DecompressRequest(file, target, run=folder))

    monkeypatch.setattr(verify_file, "_decompress", decompress)


def test_the_words_are_as_long_as_the_bound_of_a_trained_run(run):
    found = verify_by_file(run)
    summary = json.loads((run / "summary.json").read_text())
    count = found.made.count
    assert summary["fit"] == "mass"
    assert found.claim == pytest.approx(-summary["metrics"]["test/elbo"] * count / math.log(2))
    assert found.equal == count == 180
    # one draw of z per example: within 3 % of a model that was trained for 3 epochs
    assert abs(found.excess) < 0.03


@pytest.mark.parametrize(
    "process", [pytest.param(True, marks=pytest.mark.slow), False], ids=["another", "this"]
)
def test_the_command_tells_the_claim_the_file_and_the_verdict(run, monkeypatch, process):
    if process:
        monkeypatch.undo()
    done = CliRunner().invoke(app, ["verify", str(run), "--by-file"])
    assert "180 of 180 examples came back from another process" in done.stdout
    assert done.exit_code in (0, 1)
    assert ("same: the file" in done.stdout) == (done.exit_code == 0)
    assert not list(Path(run).rglob("*.vael"))


@pytest.mark.parametrize(
    ("words", "initial", "equal", "same"),
    [
        (10_050, 0, 10, True),
        (10_051, 0, 10, False),
        (10_150, 100, 10, True),
        (9_949, 0, 10, False),
        (10_000, 0, 9, False),
    ],
)
def test_the_verdict_counts_words_without_initial_bits(words, initial, equal, same):
    made = Compression(10, (4,), 2, words, initial, 5000, 12_345.0, 1.0, 1)
    assert FileVerification("test", made, 10_000.0, equal).same == same


def test_a_run_that_was_trained_on_a_density_is_measured():
    made = Compression(10, (4,), 2, 10_000, 0, 5000, 9_990.0, 1.0, 1)
    assert FileVerification("test", made, None, 10).bound == 9_990.0


def test_what_cannot_be_verified_is_one_line(run, tmp_path, monkeypatch):
    copied = shutil.copytree(run, tmp_path / "run")
    summary = json.loads((copied / "summary.json").read_text())
    (copied / "summary.json").write_text(json.dumps({**summary, "metrics": {}}))
    with pytest.raises(ConfigError, match=r"no summary\.json with test/elbo"):
        verify_by_file(copied)
    (copied / "summary.json").unlink()
    with pytest.raises(ConfigError, match=r"vael train"):
        verify_by_file(copied)
    monkeypatch.undo()
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(VaelError, match="exit code 1"):
        verify_file._decompress(tmp_path / "gone", tmp_path / "x.npy", run)
