"""The command whatever the environment holds."""

import os
import sys

import pytest

from vael.cli.main import main


def test_a_backend_that_does_not_exist_does_not_matter(monkeypatch, capsys):
    monkeypatch.setenv("MPLBACKEND", "junk")
    monkeypatch.setattr(sys, "argv", ["vael", "--version"])
    with pytest.raises(SystemExit):
        main()
    assert "vael" in capsys.readouterr().out
    assert os.environ["MPLBACKEND"] == "Agg"
