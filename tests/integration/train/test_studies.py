"""A shortened version of each study, from its runs to its result and picture."""

import json
import subprocess
import sys

import pytest
from helpers.runs import ROOT

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_short_study_ends_with_its_result_and_goes_on_where_it_was(number, tmp_path):
    command = [sys.executable, f"benchmarks/studies/study_{number}.py", str(tmp_path / "runs")]
    command += ["--short", "--out", str(tmp_path)]
    for attempt in range(2):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        trained = [line for line in done.stdout.splitlines() if line.endswith(" s")]
        assert bool(trained) == (attempt == 0), "the second time all runs are there"
    result = json.loads((tmp_path / f"study_{number}.json").read_text())
    assert (tmp_path / f"study_{number}.png").read_bytes().startswith(b"\x89PNG")
    if number == 1:
        assert {row["seeds"] for row in result["rows"].values()} == {2}
        assert all(0 < row["bpd"] < 20 for row in result["rows"].values())
    elif number == 2:
        points = result["data"]["digits"]["points"]
        assert {point["net"] for point in points} == {"linear", "dense", "conv"}
    else:
        assert set(result["data"]) == {"ppca", "digits"}
        assert len(result["data"]["ppca"]["rules"]) == 6
