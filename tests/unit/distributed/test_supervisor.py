"""What the supervisor says of its machine."""

import os
from pathlib import Path

from vael.distributed.supervisor import describe_crowding


def test_more_processes_than_cores_are_warned_of(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    monkeypatch.setattr(Path, "exists", lambda path: False)
    assert describe_crowding(2) is None
    said = describe_crowding(64)
    assert said.startswith("trainer.devices=64 starts 64 processes, which take turns on 2 cores")
    monkeypatch.setattr(Path, "exists", lambda path: str(path) == "/dev/nvidiactl")
    assert describe_crowding(64) is None
