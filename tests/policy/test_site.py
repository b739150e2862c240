"""The site of README and docs/ builds strictly: whatever its pages link is there."""

import subprocess
import sys
from importlib.util import find_spec

import pytest
from helpers.runs import ROOT


def test_it_builds_strictly():
    if find_spec("zensical") is None or find_spec("mkdocstrings") is None:
        pytest.skip("needs zensical and mkdocstrings-python, which make docs installs")
    for command in (["docs/site.py"], ["-m", "zensical", "build", "--strict"]):
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "<h1" in (ROOT / "build" / "site" / "api.html").read_text()
