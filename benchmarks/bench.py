"""How fast vael trains, beside what people would use instead: `make bench`.

    python benchmarks/bench.py [--data FOLDER] [--rounds 5] [--only PART ...] [--out FILE]

Every run is a process of its own, pinned to one core, one thread; the contenders take turns. The
first epoch is not counted. vael is ``python train.py`` as a user calls it, validation excluded,
logging every 50 steps. pythae and JAX take part where they are installed (``pip install
-e '.[bench]'``). What is in the file already is kept, so an interrupted benchmark goes on; another
machine or other versions begin anew. A table is printed and ``bench.svg`` drawn beside the file.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench_parts import PARTS
from draw_bench import draw
from measure import ROOT, Bench, read


def table(known: dict[str, Any]) -> str:
    """Median and range of each row."""
    lines = []
    for part, rows in known["parts"].items():
        for name, found in rows.items():
            cells = []
            for key in found[0]:
                values = [row[key] for row in found]
                cells.append(
                    f"{key} {statistics.median(values):,.2f} "
                    f"({min(values):,.2f}-{max(values):,.2f})"
                )
            lines.append(f"{part:11}{name:42}{len(found):>2} x  {'  '.join(cells)}")
    return "\n".join(lines)


def ratios(known: dict[str, Any]) -> str:
    """Of vael's rate to each other's of the same turn, the median; of the memory likewise."""
    lines = []
    for part in ("mlp", "conv"):
        rows = known["parts"].get(part, {})
        for name, found in rows.items():
            turns = list(zip(rows.get("vael", []), found, strict=False))
            if turns and name != "vael":
                rate, memory = (
                    statistics.median(a[key] / b[key] for a, b in turns)
                    for key in ("rate", "memory")
                )
                lines.append(f"{part:11}vael / {name:42} rate {rate:.2f}  memory {memory:.2f}")
    return "\n".join(lines)


def main() -> None:
    """Measures what is missing, writes, prints, draws."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--data", help="folder with MNIST's parquet files; else from the hub")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "bench.json")
    parser.add_argument("--work", type=Path, help="for the cache of the data; kept")
    parser.add_argument(
        "--seconds", type=float, default=float("inf"), help="start no run after so many"
    )
    given = parser.parse_args()
    work = given.work or Path(tempfile.mkdtemp(prefix="bench-"))
    work.mkdir(parents=True, exist_ok=True)
    bench = Bench(
        given.data and str(Path(given.data).resolve()), work.resolve(), given.out, read(given.out)
    )
    end = time.monotonic() + given.seconds
    todo = [
        row
        for make in dict.fromkeys(PARTS[part] for part in given.only)
        for row in make(bench)
        if row[0] in given.only
    ]
    try:
        for turn in range(given.rounds, 0, -1):
            for part, name, measure in todo:
                rounds = given.rounds if part != "growth" else 1
                if bench.missing(part, name, rounds) >= turn and time.monotonic() < end:
                    bench.keep(part, name, measure())
    finally:
        if given.work is None:
            shutil.rmtree(work)
    print(table(bench.known), ratios(bench.known), sep="\n")
    draw(bench.known, given.out.with_suffix(".svg"))


if __name__ == "__main__":
    main()
