"""How fast vael trains on one core of a machine whose speed changes by the second.

    python benchmarks/bench_turns.py [--data FOLDER] [--turns 30] [--model mlp conv] [--out FILE]

`make bench` compares runs of ten seconds. Here every contender is a process that stays, pinned to
the same core, and they take turns of an epoch of half a second. Printed are the medians of the
rates and of the ratios of neighbouring turns, with their quartiles.
"""

import argparse
import importlib.util
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench_gpu import READY_SECONDS
from bench_parts import CONTENDERS, CONV, MLP
from measure import COMMON, HERE, ROOT, Bench, machine
from turns import OnDemand

from vael.files import write_json

MODELS = {"mlp": (MLP, 9_000), "conv": (CONV, 1_152)}  # nets, examples of an epoch
OTHERS = (
    "JAX, epoch in one scan",
    "plain PyTorch loop, fast binarisation, fused Adam",
    "stock Lightning, fused Adam",
)
VAEL = {"vael": (), "vael, compiled": ("trainer.compile=true",)}


def make(bench: Bench, model: str) -> Iterator[OnDemand]:
    """The contenders that can be had here, each on the last core."""
    nets, examples = MODELS[model]
    pinned = ["taskset", "-c", str(max(os.sched_getaffinity(0)))]
    env = bench.environment()
    for name, more in VAEL.items():
        given = [
            *(*COMMON, *nets, *more, f"data.limit={examples * 10 // 9}"),
            *("trainer.max_epochs=100000", "callbacks.pictures.every_n_epochs=null"),
            "+callbacks.extra.turns={_target_: _watch.OnDemand}",
            f"output_dir={bench.work}/runs/{model}-{name.replace(', ', '-')}",
            *([f"data.path={bench.data}"] if bench.data else []),
        ]
        command = [*pinned, sys.executable, str(ROOT / "train.py"), *given]
        yield OnDemand(name, command, HERE / "contenders", env, examples)
    for who in CONTENDERS:
        slow = model == "conv" and who.needs == "jax"  # a hundredth of the others' speed
        absent = who.needs and importlib.util.find_spec(who.needs) is None
        if who.name in OTHERS and not slow and not absent:
            task = [model, str(bench.images()), str(examples), "0", "128"]
            command = [*pinned, sys.executable, who.file, *task, *who.options]
            yield OnDemand(who.name, command, HERE / "contenders", env, examples)


def compare(bench: Bench, model: str, turns: int) -> dict[str, list[float]]:
    """The rates of each contender, turn by turn."""
    every = list(make(bench, model))
    for number, who in enumerate(every):
        who.start(bench.work / f"{model}-{number}.log")
        who.wait_ready(READY_SECONDS)
        who.warm()
        print(f"{model}: {who.name} {who.reason or 'is ready'}", flush=True)
    for _ in range(turns):
        for who in every:
            who.turn()
    for who in every:
        who.end()
    return {who.name: [round(rate) for rate in who.rates] for who in every}


def table(model: str, rates: dict[str, list[float]]) -> str:
    """Medians, and vael's ratios to the others."""
    lines = [f"{model:6}{name:52}{statistics.median(r):>9,.0f}" for name, r in rates.items() if r]
    for ours in VAEL:
        for theirs in rates:
            found = [a / b for a, b in zip(rates[ours], rates[theirs], strict=False)]
            if len(found) > 1 and ours != theirs:
                low, middle, high = statistics.quantiles(found, n=4)
                lines.append(f"{model:6}{ours} / {theirs:50}{middle:6.2f} ({low:.2f}-{high:.2f})")
    return "\n".join(lines)


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--data", help="folder with MNIST's parquet files; else from the hub")
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--model", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "bench_turns.json")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-turns-") as work:
        data = given.data and str(Path(given.data).resolve())
        bench = Bench(data, Path(work), given.out, {})
        found = {}
        for model in given.model:
            found[model] = compare(bench, model, given.turns)
            print(table(model, found[model]), flush=True)
            write_json(given.out, {"machine": machine(), "parts": found})


if __name__ == "__main__":
    main()
