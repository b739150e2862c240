"""What a sweep costs before its first trial and between its last and the confirmation.

    python benchmarks/sweep_start.py [--workers 1 2] [--rounds 3] [--out results/sweep_start.json]

Of whole `vael sweep` commands on the digits (two short trials, two confirmations), without wandb:

- start: seconds of processor time of all processes together until the first trial's process
  begins, beyond those of one import of torch and Lightning; and by the wall;
- confirm: seconds by the wall from the end of the last trial to the start of a confirmation.
"""

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from vael.files import write_json
from vael.runs.provenance import describe_machine

ROOT = Path(__file__).parents[1]
TICKS = os.sysconf("SC_CLK_TCK")
IMPORT = "from vael.distributed.lightning_import import import_lightning; import_lightning()"
ENVIRON = {**os.environ, "OMP_NUM_THREADS": "1", "WANDB_MODE": "disabled"}
SEARCH = {
    "trials": 2,
    "confirm": 2,
    "pruner": None,
    "overrides": ["model=mlp_vae", "trainer.max_epochs=5", "logger=csv"],
    "space": {"model.latent_dim": "int(interval(2, 16))"},
}


def import_seconds() -> float:
    """Processor seconds of a Python that imports torch and Lightning."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", IMPORT], check=True, env=ENVIRON)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def spent(root: int) -> float:
    """Processor seconds of a process and all that it has started."""
    table = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        table[int(name)] = int(fields[1]), sum(map(int, fields[11:15])) / TICKS
    tree = {root}
    while more := {pid for pid, (parent, _) in table.items() if parent in tree} - tree:
        tree |= more
    return sum(table[pid][1] for pid in tree if pid in table)


def sweep(parent: Path, workers: int) -> dict[str, float]:
    """One sweep, looked at from outside."""
    file = parent / "search.yaml"
    file.write_text(yaml.safe_dump({**SEARCH, "name": "search"}))
    folder, began = parent / "sweeps" / "search", time.perf_counter()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "vael.cli", "sweep", str(file)),
            *("--workers", str(workers), f"output_dir={parent}"),
        ],
        cwd=ROOT,
        env=ENVIRON,
        stdout=subprocess.DEVNULL,
    )
    while not any(folder.glob("trials/*/process.log")):
        assert process.poll() is None, "the sweep ended before its first trial"
        time.sleep(0.01)
    found = {"processor": spent(process.pid), "wall": time.perf_counter() - began}
    while not (logs := list(folder.glob("confirm*/*/process.log"))):
        assert process.poll() is None, "the sweep ended before its confirmation"
        time.sleep(0.01)
    confirmed = logs[0].stat().st_mtime
    assert process.wait() == 0
    with (folder / "trials.csv").open() as table:
        last = max(
            datetime.fromisoformat(row["ended"]).timestamp() for row in csv.DictReader(table)
        )
    return {**found, "confirm": confirmed - last}


def main() -> None:
    """Prints the figures and writes them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "sweep_start.json")
    options = parser.parse_args()
    found: dict[str, Any] = {"cores": os.cpu_count(), "machine": describe_machine()["processor"]}
    for workers in options.workers:
        rows = []
        for _ in range(options.rounds):
            alone = import_seconds()
            with tempfile.TemporaryDirectory() as parent:
                row = sweep(Path(parent), workers)
            rows.append({"beyond_import": row["processor"] - alone, "import": alone, **row})
        medians = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
        found[f"workers {workers}"] = {**medians, "rounds": rows}
        print(json.dumps({workers: medians}, indent=2), flush=True)
    write_json(options.out, found)


if __name__ == "__main__":
    main()
