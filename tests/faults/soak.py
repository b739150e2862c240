"""A sweep of very many short trials, looked at from outside while it runs."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import yaml
from helpers.runs import ROOT

from vael.runs.json_files import peek_json

PAGE = os.sysconf("SC_PAGE_SIZE")
SEARCH = {
    "name": "soak",
    "confirm": 0,
    "pruner": None,
    "overrides": [
        "model=linear_vae",
        "logger=csv",
        "data.limit=200",
        "data.batch_size=64",
        "trainer.max_epochs=1",
        "callbacks.pictures.num_examples=20",
    ],
    "space": {
        "model.latent_dim": "int(interval(2, 16))",
        "objective.beta": "tag(log, interval(0.25, 8))",
    },
}


@dataclass(frozen=True)
class Sample:
    """What one process of a sweep holds.

    Attributes:
        who: ``worker N`` or ``server``.
        trials: that had ended then.
        zombies: its children that nobody has waited for.
        memory: resident, in MiB, without what it shares with files.
        temporary: files in TMPDIR.
    """

    who: str
    trials: int
    memory: float
    descriptors: int
    threads: int
    zombies: int
    temporary: int


def soak(parent: Path, trials: int, workers: int) -> tuple[Path, list[Sample]]:
    """Runs it to its end; its folder, and the samples of all workers and the fork server."""
    temporary = parent / "temporary"
    temporary.mkdir()
    file = parent / "soak.yaml"
    overrides = [*SEARCH["overrides"], f"output_dir={parent}"]
    file.write_text(yaml.safe_dump({**SEARCH, "overrides": overrides, "trials": trials}))
    folder, samples = parent / "sweeps" / "soak", []
    with (parent / "printed.txt").open("w") as printed:
        sweep = subprocess.Popen(
            [sys.executable, "-m", "vael.cli", "sweep", str(file), "--workers", str(workers)],
            cwd=ROOT,
            stdout=printed,
            stderr=printed,
            env={**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT / "tests")},
        )
        while sweep.poll() is None:
            samples += _look(sweep.pid, folder, temporary)
            time.sleep(0.25)
    assert sweep.returncode == 0, (parent / "printed.txt").read_text()
    return folder, samples


def _look(root: int, folder: Path, temporary: Path) -> list[Sample]:
    table = _processes()
    ended = len(list(folder.glob("trials/*/summary.json")))
    files = sum(1 for path in temporary.rglob("*") if path.is_file())
    found = []
    seen = [("server", pid) for pid, p in table.items() if p.parent == root]
    for path in folder.glob("workers/*.json"):
        if pid := peek_json(path).get("pid"):
            seen.append((f"worker {path.stem.rpartition('-')[2]}", pid))
    for who, pid in seen:
        try:
            memory = Path(f"/proc/{pid}/statm").read_text().split()
            descriptors = len(os.listdir(f"/proc/{pid}/fd"))
            threads = len(os.listdir(f"/proc/{pid}/task"))
        except OSError:
            continue  # it has just ended
        zombies = sum(p.parent == pid and p.state == "Z" for p in table.values())
        own = (int(memory[1]) - int(memory[2])) * PAGE / 2**20
        found.append(Sample(who, ended, own, descriptors, threads, zombies, files))
    return found


@dataclass(frozen=True)
class _Process:
    parent: int
    state: str


def _processes() -> dict[int, _Process]:
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            state, parent, *_ = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found[int(name)] = _Process(int(parent), state)
    return found
