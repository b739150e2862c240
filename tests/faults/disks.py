"""Small, full and read-only file systems, which no other process sees."""

import os
import shutil
import subprocess
import sys

import pytest
from helpers.runs import ROOT


def can_mount() -> bool:
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    probe = ["unshare", "-m", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


needs_mount = pytest.mark.skipif(
    not can_mount(), reason="a full or read-only disk needs root, unshare and mount"
)


def apart(script: str) -> subprocess.CompletedProcess[str]:
    """Runs a shell script whose mounts are its own; ``$python`` is this interpreter."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "tests"),
        "OMP_NUM_THREADS": "1",
        "python": sys.executable,
    }
    return subprocess.run(
        ["unshare", "-m", "sh", "-s"],
        input=script,
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
