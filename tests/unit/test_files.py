import json
import os
import subprocess
import sys

import pytest

from vael.data.cache import cache_root
from vael.data.sources import ArrayFile, Folder, Hub
from vael.errors import ConfigError, VaelError
from vael.files import expand_home, write_bytes, write_json, write_text


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


@pytest.mark.parametrize(
    "use",
    [
        expand_home,
        lambda path: ArrayFile(f"{path}/x.npz"),
        lambda path: Folder(path),
        lambda path: Hub(path=path),
        cache_root,
    ],
    ids=["alone", "array", "folder", "hub", "cache"],
)
def test_a_home_that_nobody_has_is_one_line(use):
    with pytest.raises(ConfigError, match="no home folder is known for '~nobody-of-this-name"):
        use("~nobody-of-this-name")


def test_a_tilde_is_the_home_folder_at_the_start_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expand_home("~/a~b") == tmp_path / "a~b"
    assert str(expand_home("./~x")) == "~x"
