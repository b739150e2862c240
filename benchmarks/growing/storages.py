"""Storages of a study of their own: journal, SQLite, and a PostgreSQL that is started for it."""

import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import create_engine, text

POSTGRES = Path(__file__).parents[2] / "tests" / "helpers" / "cluster" / "postgres.sh"
KINDS = ("journal", "sqlite", "postgres")


@dataclass(frozen=True)
class Stored:
    """A storage.

    Attributes:
        url: as ``vael sweep --storage`` takes it.
        server: pid of the server; None where the worker itself reads and writes a file.
    """

    url: str
    server: int | None = None
    _spent: dict[str, int] = field(default_factory=dict)  # of each of its processes, ended or not

    def server_ms(self) -> float:
        """Milliseconds of processor time that the server and its processes have taken."""
        if self.server is None:
            return 0.0
        children = Path(f"/proc/{self.server}/task/{self.server}/children").read_text().split()
        self._spent.update({pid: _nanoseconds(pid) for pid in (str(self.server), *children)})
        return sum(self._spent.values()) / 1e6

    def size(self, folder: Path) -> float:
        """Bytes of what it keeps of a study whose sweep has this folder."""
        if self.url.startswith("postgresql"):
            with create_engine(self.url).connect() as server:
                found = server.execute(text("select pg_database_size('vael')")).scalar()
                return float(found or 0)
        names = ("study.journal", "../study.db")
        return float(sum(p.stat().st_size for n in names if (p := folder / n).exists()))


@contextmanager
def stored(kind: str, folder: Path) -> Iterator[Stored]:
    """Yield a storage of this kind that is gone afterwards."""
    if kind != "postgres":
        yield Stored({"journal": "journal", "sqlite": f"sqlite:///{folder / 'study.db'}"}[kind])
        return
    with tempfile.TemporaryDirectory(prefix="growth", dir="/tmp") as place:
        Path(place).chmod(0o755)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        start = ["bash", str(POSTGRES), "start", f"{place}/server", str(port), "secret"]
        subprocess.run(start, check=True)
        try:
            pid = int((Path(place) / "server" / "data" / "postmaster.pid").read_text().split()[0])
            yield Stored(f"postgresql+psycopg://vael:secret@127.0.0.1:{port}/vael", pid)
        finally:
            subprocess.run(["bash", str(POSTGRES), "stop", f"{place}/server"], check=False)


def _nanoseconds(pid: str) -> int:
    """Nanoseconds of processor time of a process; 0 where it is gone."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    except FileNotFoundError:
        return 0
