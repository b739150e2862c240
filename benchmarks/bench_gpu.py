"""How fast vael trains on a GPU, beside what people would use instead: `make bench-gpu`.

    python benchmarks/bench_gpu.py [--data FOLDER] [--turns 5] [--only PART ...] [--seconds 290]

Every contender is a process that stays, with its data and model on the GPU; they take turns, one
at a time, of some epochs each. Printed are the median over turns with its range, and the medians
of the turns' ratios. vael is ``python train.py`` as a user calls it, validation excluded, logging
every 50 steps; ``trainer.capture`` tells its rows apart. Products of float32 numbers are float32
for all, convolutions TF32 for all, as torch has it; in "TF32" the products are TF32 for all.

- start: `python train.py` on the digits to the end of its first group of steps, beside the imports
  with the creation of CUDA's context;
- evaluate: the share of the decoder's products of `vael evaluate --samples 5000`, on 1,000 images.

The numbers go to results/bench_gpu.json, a picture beside it.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from bench_parts import CONV, MLP
from draw_bench import draw_bars
from measure import COMMON, HERE, ROOT, Bench, machine
from turns import OnDemand

from vael.files import write_json

EXAMPLES = 54_000  # what MNIST leaves for training
READY_SECONDS = 100  # a contender that is not ready by then takes no part
GRAPH, STOCK, JAX = "CUDA graph", "stock Lightning", "JAX, epoch in one scan"
TARGETS = {  # of the median ratio of "vael" to another contender
    ("mlp", GRAPH): 0.8,
    ("mlp", STOCK): 14.0,
    ("conv", GRAPH): 0.8,
    ("conv", STOCK): 9.0,
    ("conv, bf16, 4096", GRAPH): 0.92,
    ("mlp, compiled", GRAPH): 1.2,
    ("mlp, compiled", JAX): 1.0,
    ("mlp, TF32", JAX): 1.0,
}


@dataclass(frozen=True)
class Part:
    """One comparison."""

    title: str
    model: str
    batch: int = 128
    bf16: bool = False
    tf32: bool = False
    compiled: bool = False

    def contenders(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Name, and file and options of contenders/ or overrides of train.py."""
        kind = ("gpu", *(["bf16"] if self.bf16 else []))
        usual = not (self.bf16 or self.tf32 or self.compiled)
        if usual:
            yield STOCK, ("stock_lightning.py", *kind)
        if usual or self.bf16:
            yield "plain PyTorch loop", ("plain.py", "bytes", "fused", *kind)
        yield GRAPH, ("cuda_graph.py", *kind)
        if usual or self.tf32 or self.compiled:
            yield JAX, ("jax_scan.py", *kind, *(["tf32"] if self.tf32 else []))
        if usual or self.bf16:
            yield "vael, eager", ("trainer.capture=false",)
        compiles = ["trainer.compile=true"] if self.compiled else []
        yield "vael", ("trainer.capture=auto", *compiles)


PARTS = {
    "mlp": Part("MLP 784-400-20, batch 128", "mlp"),
    "conv": Part("convolutions 32-64, batch 128", "conv"),
    "conv, bf16, 4096": Part("convolutions, bfloat16, batch 4096", "conv", 4096, bf16=True),
    "mlp, compiled": Part("MLP, loss compiled", "mlp", compiled=True),
    "mlp, TF32": Part("MLP, loss compiled, products in TF32", "mlp", tf32=True, compiled=True),
}


def make(bench: Bench, key: str) -> Iterator[OnDemand]:
    """The contenders of a part."""
    part = PARTS[key]
    env = bench.environment(
        **({"TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "1"} if part.tf32 else {}),
        TORCHINDUCTOR_CACHE_DIR=str(bench.work / "inductor"),
    )
    for name, (first, *rest) in part.contenders():
        if first.endswith(".py"):
            given = [part.model, str(bench.images()), str(EXAMPLES), "0", str(part.batch)]
            command = [sys.executable, first, *given, *rest]
        else:
            given = [
                *COMMON,
                *(MLP if part.model == "mlp" else CONV),
                f"data.batch_size={part.batch}",
                "trainer.max_epochs=100000",
                "trainer.accelerator=gpu",
                *(["trainer.precision=bf16"] if part.bf16 else []),
                "callbacks.pictures.num_examples=20",
                "+callbacks.extra.turns={_target_: _watch.OnDemand}",
                f"output_dir={run_folder(bench, key, name)}",
                *([f"data.path={bench.data}"] if bench.data else []),
            ]
            command = [sys.executable, str(ROOT / "train.py"), *given, first, *rest]
        yield OnDemand(name, command, HERE / "contenders", env, EXAMPLES)


def run_folder(bench: Bench, key: str, name: str) -> Path:
    """Where a contender that is vael leaves its run."""
    return bench.work / "runs" / f"{key}-{name}".replace(", ", "-").replace(" ", "-")


Keep = Callable[[str, dict[str, Any]], None]


def compare(bench: Bench, keys: list[str], turns: int, end: float, keep: Keep) -> None:
    """All contenders of these parts, started at once, then in turns; one turn at least."""
    bench.images()
    every = {key: list(make(bench, key)) for key in keys}
    flat = [(key, who) for key in keys for who in every[key]]

    def found() -> dict[str, Any]:
        return {
            key: {
                who.name: {
                    "rates": [round(rate) for rate in who.rates],
                    **({"reason": who.reason} if who.reason else {}),
                    **steps(run_folder(bench, key, who.name)),
                }
                for who in every[key]
            }
            for key in keys
        }

    for number, (_, who) in enumerate(flat):
        who.start(bench.work / f"{number}.log")
    for key, who in flat:
        who.wait_ready(READY_SECONDS)
        state = f"out: {who.reason}" if who.reason else f"ready after {who.ready_seconds:.0f} s"
        print(f"{key:18}{who.name:26}{state}", flush=True)
    for _, who in flat:
        who.warm()
    for turn in range(turns):
        for key in keys:
            if turn and time.perf_counter() > end:
                break
            for who in every[key]:
                who.turn()
        keep("parts", found())
    for _, who in flat:
        who.end()


def steps(folder: Path) -> dict[str, str]:
    """How vael takes its steps: `_watch.OnDemand` has noted it."""
    for noted in folder.rglob("step"):
        return {"step": noted.read_text()}
    return {}


def ratios(found: dict[str, Any]) -> Iterator[tuple[str, str, str, float, float | None]]:
    """Part, ours, theirs, the median of the turns' ratios, its target."""
    for key, rows in found.items():
        for ours in (name for name in rows if name.startswith("vael")):
            for theirs in rows:
                turns = list(zip(rows[ours]["rates"], rows[theirs]["rates"], strict=False))
                if turns and theirs != ours:
                    ratio = statistics.median(a / b for a, b in turns)
                    target = TARGETS.get((key, theirs)) if ours == "vael" else None
                    yield key, ours, theirs, ratio, target


def table(found: dict[str, Any]) -> str:
    """Rates, then ratios with their targets."""
    lines = []
    for key, rows in found.items():
        for name, row in rows.items():
            rates = row["rates"]
            shown = f"{row.get('reason', '')[:90]:>9}"
            if rates:
                shown = f"{statistics.median(rates):>11,.0f} ({min(rates):,.0f}-{max(rates):,.0f})"
            lines.append(f"{key:18}{name:26}{len(rates)} x {shown} {row.get('step', '')}")
    for key, ours, theirs, ratio, target in ratios(found):
        aim = (
            "" if target is None else f"  target {target:g}: {'yes' if ratio >= target else 'NO'}"
        )
        lines.append(f"{key:18}{ours} / {theirs:26}{ratio:7.3f}{aim}")
    return "\n".join(lines)


def start(bench: Bench, end: float, keep: Keep) -> None:
    """Seconds to the first step, and of what any program must do."""
    digits = [
        *(sys.executable, str(ROOT / "train.py"), f"output_dir={bench.work}/first", "logger=csv"),
        *("trainer.accelerator=gpu", "+callbacks.extra.first={_target_: _watch.FirstStep}"),
    ]
    base = (
        "import torch, pytorch_lightning; torch.zeros(1, device='cuda'); torch.cuda.synchronize()"
    )
    rows = {
        "imports and context": [sys.executable, "-c", base],
        "captured": [*digits, "trainer.capture=auto"],
        "eager": [*digits, "trainer.capture=false"],
    }
    found: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(3):
        for name, command in rows.items():
            if time.perf_counter() < end:
                seconds = timed(bench, command)
                found[name].append(round(seconds, 2))
                print(f"start             {name:26}{seconds:.2f} s", flush=True)
                keep("start", found)
    middle = {name: statistics.median(times) for name, times in found.items() if times}
    for name, less in (("beyond", "imports and context"), ("capture", "eager")):
        if "captured" in middle and less in middle:
            found[name] = [round(middle["captured"] - middle[less], 2)]
            print(f"start             {name:26}{found[name][0]:.2f} s", flush=True)
    keep("start", found)


def timed(bench: Bench, command: list[str]) -> float:
    """Wall seconds of a process that may use every core."""
    began = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=HERE / "contenders",
        env=bench.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-3000:]}")
    return time.perf_counter() - began


def evaluate(bench: Bench, end: float, keep: Keep) -> None:
    """The share of the products."""
    if bench.data is None or time.perf_counter() > end:
        return
    printed, _ = bench.run(
        [sys.executable, "evaluate_share.py", bench.data, "1000", "5000", "3"], cores=2
    )
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    whole, same, large = (
        statistics.median(found[name]) for name in ("evaluation", "products", "large_products")
    )
    found["share"] = round(same / whole, 3)
    found["share_of_large_products"] = round(large / whole, 3)
    print(
        f"evaluate          {whole:.2f} s for 1,000 images; products {same:.2f} s "
        f"(share {found['share']}), at best {large:.2f} s",
        flush=True,
    )
    keep("evaluate", found)


def main() -> None:
    """Measures, prints, writes, draws."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--data", help="folder with MNIST's parquet files; else from the hub")
    parser.add_argument("--turns", type=int, default=5)
    choices = [*PARTS, "start", "evaluate"]
    parser.add_argument("--only", nargs="+", choices=choices, default=choices)
    parser.add_argument("--seconds", type=float, default=290, help="begin nothing after so many")
    parser.add_argument("--rest", type=float, default=80, help="of them for start and evaluate")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "bench_gpu.json")
    given = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("bench_gpu: torch sees no GPU here")
    end = time.perf_counter() + given.seconds
    known: dict[str, Any] = json.loads(given.out.read_text()) if given.out.exists() else {}
    gpu = torch.cuda.get_device_name()
    if known.get("gpu") != gpu:
        known = {}
    known |= {"gpu": gpu, "machine": machine()}
    with tempfile.TemporaryDirectory(prefix="bench-gpu-") as work:
        data = given.data and str(Path(given.data).resolve())
        bench = Bench(data, Path(work), given.out, {})
        keys = [key for key in PARTS if key in given.only]

        def keep(name: str, found: dict[str, Any]) -> None:
            known[name] = known.get(name, {}) | found
            write_json(given.out, known)

        if keys:
            compare(bench, keys, given.turns, end - given.rest, keep)
        if "evaluate" in given.only:
            evaluate(bench, end, keep)
        if "start" in given.only:
            start(bench, end, keep)
    print(table(known.get("parts", {})))
    shown = {
        PARTS[key].title: {name: row["rates"] for name, row in rows.items() if row["rates"]}
        for key, rows in known.get("parts", {}).items()
    }
    caption = f"training examples per second on one {gpu}, MNIST"
    draw_bars({k: v for k, v in shown.items() if v}, caption, given.out.with_suffix(".svg"))


if __name__ == "__main__":
    main()
