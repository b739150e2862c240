"""Runs of the benchmark, each a pinned process, and the file that keeps what they measured."""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from vael.files import write_json

HERE = Path(__file__).parent
ROOT = HERE.parent
PACKAGES = ("torch", "pytorch-lightning", "pythae", "jax", "numpy")
Found = dict[str, float]

COMMON = (
    "data=mnist",
    "likelihood=bernoulli",
    "data.binarize=stochastic",
    "trainer.threads=1",
    "logger=csv",
    "report=false",
    "evaluation.test=false",
    "callbacks.early_stopping.patience=null",
)


@dataclass
class Bench:
    """Where things are, and what is known."""

    data: str | None
    work: Path
    out: Path
    known: dict[str, Any]

    def run(self, command: Sequence[str], cores: int = 1, **env: str) -> tuple[str, Found]:
        """What a pinned process printed, its seconds and the most memory that it had."""
        allowed = set(sorted(os.sched_getaffinity(0))[-cores:])
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=HERE / "contenders",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, allowed),
            env=self.environment(**env),
        )
        printed, errors = process.communicate()
        used = {"seconds": time.perf_counter() - start}
        if process.returncode:
            raise SystemExit(f"{' '.join(command)}\n{errors[-3000:]}")
        return printed, used

    def environment(self, **more: str) -> dict[str, str]:
        """Of every process: one thread, no network, a cache of the benchmark's own."""
        return {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": f"{HERE / 'contenders'}:{ROOT / 'src'}",
            "VAEL_CACHE": str(self.work / "cache"),
            "WANDB_MODE": "offline",
            **more,
        }

    def vael(self, *overrides: str, cores: int = 1) -> Found:
        """Examples per second of the epochs but the first, and the peak of the memory."""
        folder = Path(tempfile.mkdtemp(dir=self.work))
        given = [*COMMON, *overrides, f"output_dir={folder}"]
        if self.data:
            given.append(f"data.path={self.data}")
        self.run([*measured(folder), sys.executable, str(ROOT / "train.py"), *given], cores)
        rows = next(folder.glob("*/*/metrics.csv")).read_text().splitlines()
        column = rows[0].split(",").index("train/examples_per_second")
        rates = [float(row.split(",")[column]) for row in rows[1:] if row.split(",")[column]]
        return {"rate": statistics.median(rates[1:]), "memory": peak(folder)}

    def images(self) -> Path:
        """MNIST's training images as one file for those who know nothing of vael's cache."""
        path = self.work / "mnist.npy"
        if not path.exists():
            self.run([sys.executable, "data_start.py", *([self.data] if self.data else [])])
            found = next((self.work / "cache").glob("*/train_x.npy"))
            np.save(path, np.load(found, mmap_mode="r"))
        return path

    def keep(self, part: str, name: str, found: Found) -> None:
        """Adds a measurement, and writes the file."""
        rows = self.known["parts"].setdefault(part, {}).setdefault(name, [])
        rows.append({key: round(value, 4) for key, value in found.items()})
        write_json(self.out, self.known)
        print(
            f"{part:12} {name:45} " + "  ".join(f"{k} {v:,.2f}" for k, v in found.items()),
            flush=True,
        )

    def missing(self, part: str, name: str, rounds: int) -> int:
        """How many rounds are not there yet."""
        return rounds - len(self.known["parts"].get(part, {}).get(name, []))


def measured(folder: Path) -> list[str]:
    """A prefix of a command that leaves the peak of its resident memory, MiB, in the folder."""
    code = (
        "import os, resource, subprocess, sys; code = subprocess.call(sys.argv[2:]); "
        "most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024; "
        "open(sys.argv[1], 'w').write(str(most)); sys.exit(code)"
    )
    return [sys.executable, "-S", "-c", code, str(folder / "peak")]


def peak(folder: Path) -> float:
    """What `measured` left."""
    return float((folder / "peak").read_text())


def machine() -> dict[str, Any]:
    """What the numbers belong to."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "processor": names[0],
        "cores": len(names),
        "python": platform.python_version(),
        "threads": 1,
        "versions": versions,
    }


def read(path: Path) -> dict[str, Any]:
    """What was measured before on this machine with these versions."""
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        if found["machine"] == machine():
            return found
    return {"machine": machine(), "parts": {}}
