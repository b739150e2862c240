"""What is said of more processes than the machine has cores, or memory, for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vael.distributed import crowding
from vael.distributed.crowding import check_crowding, describe_crowding, read_free_gib
from vael.errors import ConfigError


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})


@pytest.fixture
def no_gpu(monkeypatch):
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda p: str(p) != "/dev/nvidiactl" and exists(p))


def test_more_processes_than_cores_are_warned_of(monkeypatch):
    monkeypatch.setattr(Path, "exists", lambda path: False)
    assert describe_crowding(2) is None
    said = describe_crowding(64)
    assert said.startswith("trainer.devices=64 starts 64 processes, which take turns on 2 cores")
    monkeypatch.setattr(Path, "exists", lambda path: str(path) == "/dev/nvidiactl")
    assert describe_crowding(64) is None
    check_crowding(10**6)


@pytest.mark.parametrize(("available", "limit", "free"), [(25, "max", 25), (25, 4, 4), (3, 4, 3)])
def test_refused_is_what_free_memory_does_not_hold(
    available, limit, free, tmp_path, monkeypatch, no_gpu
):
    (tmp_path / "meminfo").write_text(
        f"MemTotal: {64 * 2**20} kB\nMemAvailable: {available * 2**20} kB\n"
    )
    (tmp_path / "max").write_text("max\n" if limit == "max" else f"{limit * 2**30}\n")
    monkeypatch.setattr(crowding, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(crowding, "CGROUP_LIMIT", tmp_path / "max")
    assert read_free_gib() == free
    most = int(free / crowding.GIB_PER_PROCESS)
    check_crowding(most)
    with pytest.raises(ConfigError, match=rf"{free} GiB of memory are free: .*devices=2 or fewer"):
        check_crowding(most + 1)


def test_where_memory_cannot_be_told_nothing_is_refused(tmp_path, monkeypatch, no_gpu):
    monkeypatch.setattr(crowding, "MEMINFO", tmp_path / "none")
    monkeypatch.setattr(crowding, "CGROUP_LIMIT", tmp_path / "none")
    assert read_free_gib() is None
    check_crowding(10**6)


@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="processes may share a GPU")
def test_it_is_one_line_before_anything_starts(tmp_path):
    settings = ["data=digits", "trainer.devices=64000", "data.batch_size=64000", "logger=csv"]
    command = [sys.executable, "-m", "vael", "train", *settings]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("vael: trainer.devices=64000 would start 64000 processes on ")
    assert list(tmp_path.iterdir()) == []
