import json
import os
import subprocess
import sys

import pytest

from vael.errors import VaelError
from vael.files import write_bytes, write_json, write_text


def test_writes_and_replaces(tmp_path):
    target = tmp_path / "new" / "file.txt"
    write_text(target, "one")
    write_text(target, "two")
    assert target.read_text() == "two"
    assert os.listdir(target.parent) == ["file.txt"]


def test_a_failed_write_leaves_the_old_file_and_no_leftover(tmp_path):
    target = tmp_path / "file"
    write_text(target, "old")

    def broken(file):
        file.write(b"half")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        write_bytes(target, broken)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_kill_between_write_and_rename_leaves_the_old_file(tmp_path):
    target = tmp_path / "file"
    write_text(target, "old")
    code = (
        "import os, signal, sys; from pathlib import Path; from vael.files import write_bytes\n"
        "def write(f):\n f.write(b'new' * 1000); f.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_bytes(Path(sys.argv[1]), write)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(target)], check=False)
    assert done.returncode == -9
    assert target.read_text() == "old"


def test_a_full_disk_names_the_path(tmp_path):
    with pytest.raises(VaelError, match="cannot write /dev/full/x"):
        write_text(type(tmp_path)("/dev/full/x"), "text")


def test_json_has_no_nan(tmp_path):
    write_json(tmp_path / "x.json", {"a": float("nan"), "b": [float("inf"), 1.5], "c": {"d": 2}})
    assert json.loads((tmp_path / "x.json").read_text()) == {
        "a": None,
        "b": [None, 1.5],
        "c": {"d": 2},
    }
