"""How many trials of a search share one GPU best: trials an hour over workers per device.

    python benchmarks/packing.py --data FOLDER [--workers 1 2 4 8 16] [--mps both|with|without]
                                 [--seconds 240] [--out results/packing.json]

Whole ``vael sweep`` commands: MLP 784-400-20 on MNIST, 5 epochs a trial, random sampler, no
pruner; two trials for each worker, at least 4. Trials an hour are counted from the start of the
first trial to the end of the last. With each: the cores that were busy, how much of the time the
GPU had a kernel to run (what nvidia-smi calls its utilisation), and the most memory that was
taken. With MPS, NVIDIA's server for kernels of several processes at once, where its daemon is
installed.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
import yaml
from bench_parts import MLP
from draw_bench import draw_lines
from measure import ROOT, machine

from vael.files import write_json
from vael.sweep.study.study import Study

EPOCHS = 5
DAEMON = "nvidia-cuda-mps-control"


def search(parent: Path, data: str, workers: int, env: dict[str, str]) -> dict[str, Any]:
    """One search of so many workers on the GPU."""
    name, trials = f"{parent.name}-{workers}", max(4, 2 * workers)
    file = parent / f"{name}.yaml"
    plain = {
        "name": name,
        "trials": trials,
        "confirm": 0,
        "sampler": "random",
        "pruner": None,
        "overrides": [
            *("data=mnist", f"data.path={data}", "data.binarize=stochastic", *MLP),
            *(f"trainer.max_epochs={EPOCHS}", "trainer.accelerator=gpu", "logger=csv"),
            *("callbacks.pictures.num_examples=50", "callbacks.early_stopping.patience=null"),
        ],
        "space": {"objective.beta": "tag(log, interval(0.25, 8))"},
    }
    file.write_text(yaml.safe_dump(plain))
    share = ("--workers", str(workers), "--workers-per-device", str(workers))
    command = [sys.executable, "-m", "vael.cli", "sweep", str(file), *share]
    began, spent = time.perf_counter(), processor_seconds()
    with watch_gpu() as seen:
        done = subprocess.run(
            [*command, f"output_dir={parent}"],
            cwd=ROOT,
            env={**env, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    wall, spent = time.perf_counter() - began, processor_seconds() - spent
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{(done.stdout + done.stderr)[-3000:]}")
    rows = Study.open(parent / "sweeps" / name).rows()
    first, last = (
        pick(datetime.fromisoformat(str(stamp)).timestamp() for stamp in stamps)
        for pick, stamps in ((min, [r.started for r in rows]), (max, [r.ended for r in rows]))
    )
    complete = sum(row.state == "complete" for row in rows)
    return {
        "workers": workers,
        "trials": len(rows),
        "complete": complete,
        "trials_per_hour": round(3600 * complete / (last - first)),
        "seconds": round(wall, 1),
        "trial_seconds": round(statistics.median(row.seconds or 0.0 for row in rows), 2),
        "busy_cores": round(spent / wall, 1),
        **seen,
    }


def processor_seconds() -> float:
    """Of all processes that have ended below this one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def watch_gpu() -> Iterator[dict[str, int]]:
    """Asks nvidia-smi twice a second; leaves the mean utilisation and the largest memory."""
    seen: dict[str, int] = {}
    if not shutil.which("nvidia-smi"):
        yield seen
        return
    asked = ("--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits")
    with tempfile.TemporaryFile("w+") as out:
        asking = subprocess.Popen(["nvidia-smi", *asked, "-lms", "500"], stdout=out)
        try:
            yield seen
        finally:
            asking.kill()
            asking.wait()
        out.seek(0)
        rows = [line.split(",") for line in out if line.count(",") == 1]
        values = [(int(a), int(b)) for a, b in rows if a.strip().isdigit()]
    if values:
        seen["gpu_busy_percent"] = round(statistics.mean(a for a, _ in values))
        seen["gpu_memory_mib"] = max(b for _, b in values)


@contextmanager
def mps(work: Path) -> Iterator[dict[str, str]]:
    """Runs the daemon, and gives the environment of its clients."""
    env = {**os.environ}
    for name in ("PIPE", "LOG"):
        folder = work / f"mps-{name.lower()}"
        folder.mkdir()
        env[f"CUDA_MPS_{name}_DIRECTORY"] = str(folder)
    subprocess.run([DAEMON, "-d"], env=env, check=True, capture_output=True)
    try:
        code = "import torch; torch.zeros(1, device='cuda').item()"
        subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=60)
        yield env
    finally:
        subprocess.run([DAEMON], input="quit\n", env=env, check=False, text=True, timeout=30)


def measure(work: Path, given: argparse.Namespace) -> dict[str, Any]:
    """With and without MPS: a row for each number of workers, or the reason why there is none."""
    end = time.perf_counter() + given.seconds
    found: dict[str, Any] = {}

    def rows(name: str, env: dict[str, str]) -> None:
        found[name] = []
        parent = work / name
        parent.mkdir()
        for workers in given.workers:
            if time.perf_counter() < end:
                found[name].append(search(parent, given.data, workers, env))
                print(f"{name:12}{json.dumps(found[name][-1])}", flush=True)

    if given.mps != "with":
        rows("plain", dict(os.environ))
    if given.mps != "without":
        if not shutil.which(DAEMON):
            found["mps_reason"] = f"{DAEMON} is not installed"
        else:
            try:
                with mps(work) as env:
                    rows("mps", env)
            except (subprocess.SubprocessError, OSError) as error:
                found["mps_reason"] = f"the daemon of MPS does not work here: {error}"
        if "mps_reason" in found:
            print(found["mps_reason"])
    return found


def main() -> None:
    """Measures, prints, writes, draws."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--data", required=True, help="a folder with MNIST's parquet files")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--mps", choices=("both", "with", "without"), default="both")
    parser.add_argument("--seconds", type=float, default=240, help="begin nothing after so many")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "packing.json")
    given = parser.parse_args()
    given.data = str(Path(given.data).resolve())
    if not torch.cuda.is_available():
        raise SystemExit("packing: torch sees no GPU here")
    with tempfile.TemporaryDirectory(prefix="packing-") as work:
        os.environ.setdefault("VAEL_CACHE", f"{work}/cache")
        found = measure(Path(work), given)
    about = {"gpu": torch.cuda.get_device_name(), "machine": machine()}
    write_json(given.out, {**about, "epochs": EPOCHS, **found})
    names = {"plain": "time slices", "mps": "MPS"}
    lines = {
        label: [(row["workers"], row["trials_per_hour"]) for row in found[name]]
        for name, label in names.items()
        if found.get(name)
    }
    labels = ("workers on one GPU", "trials an hour")
    draw_lines(lines, *labels, given.out.with_suffix(".svg"))


if __name__ == "__main__":
    main()
