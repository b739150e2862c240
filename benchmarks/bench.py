"""How fast vael trains, beside what people would use instead: `make bench`.

    python benchmarks/bench.py [--data FOLDER] [--rounds 5] [--only PART ...] [--out FILE]

Every run is a process of its own, pinned to one core, one thread; the contenders take turns. The
first epoch is not counted. vael is ``python train.py`` as a user calls it, validation excluded,
logging every 50 steps. pythae and JAX take part where they are installed (``pip install
-e '.[bench]'``). What is in the file already is kept, so an interrupted benchmark goes on; another
machine or other versions begin anew. A table is printed and ``bench.svg`` drawn beside the file.
"""

import argparse
import importlib.util
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from draw_bench import draw

from vael.files import write_json

HERE = Path(__file__).parent
ROOT = HERE.parent
PACKAGES = ("torch", "pytorch-lightning", "pythae", "jax", "numpy")
Found = dict[str, float]

MLP = ("model=mlp_vae", "model.latent_dim=20", "model.encoder.hidden=[400]",
       "model.decoder.hidden=[400]")  # fmt: skip
CONV = ("model=conv_vae", "model.latent_dim=16")
COMMON = ("data=mnist", "likelihood=bernoulli", "data.binarize=stochastic", "trainer.threads=1",
          "logger=csv", "report=false", "evaluation.test=false",
          "callbacks.early_stopping.patience=null")  # fmt: skip


@dataclass(frozen=True)
class Contender:
    """A row of the comparison: a file of contenders/ and its option; vael has none."""

    name: str
    file: str = ""
    option: str = ""
    needs: str = ""


CONTENDERS = (
    Contender("vael"),
    Contender("plain PyTorch loop, fast binarisation", "plain.py", "bytes"),
    Contender("plain PyTorch loop", "plain.py", "bernoulli"),
    Contender("stock Lightning", "stock_lightning.py"),
    Contender("pythae", "pythae_trainer.py", needs="pythae"),
    Contender("JAX, epoch in one scan", "jax_scan.py", needs="jax"),
    Contender("arithmetic alone", "limit.py"),
)
SIZES = {"mlp": (18_000, 4), "conv": (3_600, 3)}  # training examples, epochs


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
            command, cwd=HERE / "contenders", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, preexec_fn=lambda: os.sched_setaffinity(0, allowed),
            env={**os.environ, "OMP_NUM_THREADS": "1",
                 "PYTHONPATH": f"{HERE / 'contenders'}:{ROOT / 'src'}",
                 "VAEL_CACHE": str(self.work / "cache"), "WANDB_MODE": "offline", **env},
        )  # fmt: skip
        printed, errors = process.communicate()
        used = {"seconds": time.perf_counter() - start}
        if process.returncode:
            raise SystemExit(f"{' '.join(command)}\n{errors[-3000:]}")
        return printed, used

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

    def contender(self, who: Contender, model: str) -> Found:
        """One run of one of them."""
        examples, epochs = SIZES[model]
        if not who.file:
            nets = MLP if model == "mlp" else CONV
            return self.vael(*nets, f"data.limit={examples * 10 // 9}",
                             f"trainer.max_epochs={epochs}")
        if who.needs == "jax" and model == "conv":
            examples, epochs = 512, 2  # a hundredth of the others' speed
        folder = Path(tempfile.mkdtemp(dir=self.work))
        printed, _ = self.run([*measured(folder), sys.executable, who.file, model,
                               str(self.images()), str(examples), str(epochs), "128", who.option])
        rates = json.loads(printed.splitlines()[-1])["rates"]
        return {"rate": statistics.median(rates), "memory": peak(folder)}

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
        print(f"{part:12} {name:45} " + "  ".join(f"{k} {v:,.2f}" for k, v in found.items()),
              flush=True)

    def missing(self, part: str, name: str, rounds: int) -> int:
        """How many rounds are not there yet."""
        return rounds - len(self.known["parts"].get(part, {}).get(name, []))


def measured(folder: Path) -> list[str]:
    """A prefix of a command that leaves the peak of its resident memory, MiB, in the folder."""
    code = ("import os, resource, subprocess, sys; code = subprocess.call(sys.argv[2:]); "
            "most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024; "
            "open(sys.argv[1], 'w').write(str(most)); sys.exit(code)")
    return [sys.executable, "-S", "-c", code, str(folder / "peak")]


def peak(folder: Path) -> float:
    """What `measured` left."""
    return float((folder / "peak").read_text())


Measure = Callable[[], Found]


def comparisons(bench: Bench) -> Iterator[tuple[str, str, Measure]]:
    """The training of both models by everybody."""
    for model in SIZES:
        for who in CONTENDERS:
            if not who.needs or importlib.util.find_spec(who.needs):
                yield model, who.name, lambda who=who, model=model: bench.contender(who, model)


def growth(bench: Bench) -> Iterator[tuple[str, str, Measure]]:
    """Cost against each size, around mlp_vae 784-400-20 and conv_vae 32-64."""
    def row(name: str, *overrides: str, cores: int = 1) -> tuple[str, str, Measure]:
        return "growth", name, lambda: bench.vael(*overrides, cores=cores)

    few, conv = ("data.limit=20000", "trainer.max_epochs=3"), (*CONV, "data.limit=3000",
                                                               "trainer.max_epochs=3")
    for d in (2, 20, 200):
        yield row(f"mlp, latent dimension {d}", *MLP, *few, f"model.latent_dim={d}")
    for w in (100, 400, 1600):
        yield row(f"mlp, width {w}", *MLP, *few, f"model.encoder.hidden=[{w}]",
                  f"model.decoder.hidden=[{w}]")
    for n in (32, 128, 512, 2048):
        yield row(f"mlp, batch {n}", *MLP, *few, f"data.batch_size={n}")
    for n in (10_000, 60_000):
        yield row(f"mlp, data {n}", *MLP, f"data.limit={n}", "trainer.max_epochs=2")
    for w in (16, 32, 64):
        yield row(f"conv, width {w}", *conv, f"model.encoder.width={w}",
                  f"model.decoder.width={w}")
    for size in (16, 28, 56):
        yield row(f"conv, image {size} x {size}", *conv, f"data.image_size={size}",
                  "data.limit=1500")
    yield row("conv, 1 thread", *conv, cores=2)
    yield row("conv, 2 threads", *conv, "trainer.threads=2", cores=2)
    yield row("conv, 2 devices", *conv, "trainer.devices=2", cores=2)
    yield row("conv, compiled", *conv, "trainer.compile=true")
    yield row("mlp, compiled", *MLP, *few, "trainer.compile=true")


def others(bench: Bench) -> Iterator[tuple[str, str, Measure]]:
    """Start, data, validation."""
    def start() -> Found:
        command = [sys.executable, str(ROOT / "train.py"), f"output_dir={bench.work}/first",
                   "+callbacks.extra.first={_target_: _watch.FirstStep}"]
        return bench.run(command, cores=2)[1]

    def imports() -> Found:
        return bench.run([sys.executable, "-c", "import torch, pytorch_lightning"], cores=2)[1]

    def data(fresh: bool) -> Found:
        cache = tempfile.mkdtemp(dir=bench.work) if fresh else str(bench.work / "cache")
        printed, _ = bench.run([sys.executable, "data_start.py",
                                *([bench.data] if bench.data else [])], VAEL_CACHE=cache)
        found: Found = json.loads(printed.splitlines()[-1])
        return found

    def shares(*model: str) -> Found:
        told = bench.work / "shares.json"
        given = [*COMMON, *model, "trainer.max_epochs=3", f"output_dir={bench.work}/shares",
                 "+callbacks.extra.shares={_target_: _watch.Shares}"]
        if bench.data:
            given.append(f"data.path={bench.data}")
        bench.run([sys.executable, str(ROOT / "train.py"), *given], SHARES=str(told))
        found = json.loads(told.read_text())
        train, val = (statistics.median(found[name][1:]) for name in ("train", "validation"))
        return {"share": val / (train + val), "train_seconds": train, "val_seconds": val}

    yield "start", "python train.py to the first step", start
    yield "start", "import torch, pytorch_lightning", imports
    yield "data", "first use of MNIST's parquet", lambda: data(True)
    yield "data", "later", lambda: data(False)
    yield "validation", "mlp, MNIST", lambda: shares(*MLP)
    yield "validation", "conv, 4,500 of MNIST", lambda: shares(*CONV, "data.limit=4500")


PARTS: dict[str, Callable[[Bench], Iterator[tuple[str, str, Measure]]]] = {
    "mlp": comparisons, "conv": comparisons, "growth": growth, "start": others, "data": others,
    "validation": others,
}


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
    return {"processor": names[0], "cores": len(names), "python": platform.python_version(),
            "threads": 1, "versions": versions}


def read(path: Path) -> dict[str, Any]:
    """What was measured before on this machine with these versions."""
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        if found["machine"] == machine():
            return found
    return {"machine": machine(), "parts": {}}


def table(known: dict[str, Any]) -> str:
    """Median and range of each row."""
    lines = []
    for part, rows in known["parts"].items():
        for name, found in rows.items():
            cells = []
            for key in found[0]:
                values = [row[key] for row in found]
                cells.append(f"{key} {statistics.median(values):,.2f} "
                             f"({min(values):,.2f}-{max(values):,.2f})")
            lines.append(f"{part:11}{name:42}{len(found):>2} x  {'  '.join(cells)}")
    return "\n".join(lines)


def main() -> None:
    """Measures what is missing, writes, prints, draws."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--data", help="folder with MNIST's parquet files; else from the hub")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "bench.json")
    parser.add_argument("--work", type=Path, help="for the cache of the data; kept")
    parser.add_argument("--seconds", type=float, default=float("inf"),
                        help="start no run after so many")
    given = parser.parse_args()
    work = given.work or Path(tempfile.mkdtemp(prefix="bench-"))
    work.mkdir(parents=True, exist_ok=True)
    bench = Bench(given.data and str(Path(given.data).resolve()), work.resolve(), given.out,
                  read(given.out))
    end = time.monotonic() + given.seconds
    todo = [row for make in dict.fromkeys(PARTS[part] for part in given.only)
            for row in make(bench) if row[0] in given.only]
    try:
        for turn in range(given.rounds, 0, -1):
            for part, name, measure in todo:
                rounds = given.rounds if part != "growth" else 1
                if bench.missing(part, name, rounds) >= turn and time.monotonic() < end:
                    bench.keep(part, name, measure())
    finally:
        if given.work is None:
            shutil.rmtree(work)
    print(table(bench.known))
    draw(bench.known, given.out.with_suffix(".svg"))


if __name__ == "__main__":
    main()
