"""The pages of the studies say what results/ says, and every setting of theirs composes."""

import subprocess
import sys

from helpers.runs import ROOT


def test_the_pages_are_those_that_the_results_make():
    command = [sys.executable, "benchmarks/studies/pages.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}: run python benchmarks/studies/pages.py"
    assert "Traceback" not in done.stderr
