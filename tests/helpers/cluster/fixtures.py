"""Fixtures: a SLURM and a PostgreSQL of our own on this machine."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PASSWORD = "t0p-secret"


def script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(HERE / name), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A SLURM of two nodes on this machine; what a client must know of it."""
    places = os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin"
    needed = ("srun", "slurmctld", "slurmd", "munged")
    if sys.platform != "linux" or not all(shutil.which(name, path=places) for name in needed):
        pytest.skip("needs SLURM: apt-get install slurmctld slurmd slurm-client munge")
    folder = tmp_path_factory.mktemp("slurm")
    started = script("slurm.sh", "start", str(folder))
    try:
        # all of it is here: a script of ours that cannot start it is broken, and must not skip
        assert started.returncode == 0, started.stderr
        yield {"SLURM_CONF": str(folder / "slurm.conf")}
    finally:
        script("slurm.sh", "stop", str(folder))


class Postgres:
    """A server that can be stopped, as in a crash, and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"postgresql+psycopg://vael:{PASSWORD}@127.0.0.1:{self.port}/vael"

    def start(self) -> None:
        started = script("postgres.sh", "start", str(self.folder), str(self.port), PASSWORD)
        assert started.returncode == 0, started.stderr

    def stop(self) -> None:
        stopped = script("postgres.sh", "stop", str(self.folder))
        assert stopped.returncode == 0, stopped.stderr


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A running one, below a folder that its own user may enter."""
    if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    parent = Path(tempfile.mkdtemp(prefix="postgres"))
    parent.chmod(0o755)
    server = Postgres(parent / "server")
    server.start()
    try:
        yield server
    finally:
        script("postgres.sh", "stop", str(server.folder))
        shutil.rmtree(parent, ignore_errors=True)
