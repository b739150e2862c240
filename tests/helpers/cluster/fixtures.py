"""Fixtures: a SLURM, a Ray and a PostgreSQL of our own on this machine."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
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


class RayNodes:
    """Nodes of a Ray on this machine; each process of one has its mark in ``RAY_TEST_NODE``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.environ = {"RAY_ADDRESS": self.address, "RAY_AUTH_MODE": "disabled"}

    def start(self, name: str, *options: str) -> None:
        """A node of two cores; the first is the head."""
        first = not list(self.folder.glob("*.txt"))
        place = ["--head", f"--port={self.port}", "--include-dashboard=false"]
        with (self.folder / f"{name}.txt").open("w") as said:
            subprocess.run(
                [
                    *(sys.executable, "-m", "ray.scripts.scripts", "start", "--num-cpus=2"),
                    *("--node-ip-address=127.0.0.1", "--object-store-memory=80000000"),
                    *(f"--temp-dir={self.folder}/ray", "--disable-usage-stats"),
                    *(place if first else [f"--address={self.address}"]),
                    *options,
                ],
                stdout=said,
                stderr=said,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "RAY_TEST_NODE": self.mark(name), "RAY_AUTH_MODE": "disabled"},
                check=True,
                timeout=200,
            )

    def mark(self, name: str) -> str:
        """Of this Ray's node: beside it, another may run on this machine."""
        return f"{name} of {self.folder}"

    def processes(self, name: str) -> list[int]:
        return processes_with(f"RAY_TEST_NODE={self.mark(name)}\0")

    def tasks(self, name: str) -> list[int]:
        """The processes in which tasks run; not what they are about to start."""
        found = {}
        for pid in self.processes(name):
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes()
                parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if words.startswith(b"ray::") and b"-" in words and b"IDLE" not in words:
                found[pid] = parent
        return [pid for pid, parent in found.items() if parent not in found]

    def kill(self, name: str) -> None:
        """As when the power goes."""
        for _ in range(3):
            for pid in self.processes(name):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def ray_nodes() -> Iterator[RayNodes]:
    """A Ray of two nodes, n1 and n2, below a folder with a short path: Ray puts sockets there."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("needs Ray: pip install 'ray[default]'")
    folder = Path(tempfile.mkdtemp(prefix="ray"))
    nodes = RayNodes(folder)
    try:
        for name in ("n1", "n2"):
            nodes.start(name)
        yield nodes
    finally:
        for name in ("n1", "n2"):
            nodes.kill(name)
        shutil.rmtree(folder, ignore_errors=True)


def processes_with(text: str) -> list[int]:
    """Processes that were started with this in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if text.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found
