"""What training costs on one commit over another: processor seconds, in turns.

    python benchmarks/commit_cost.py BEFORE AFTER [--turns 7] [--epochs 20] [SETTING ...]

Each turn trains the same run on both commits, once for one epoch and once for more, and takes the
difference: start, import and the end of a run are in neither. Counted are the user seconds of the
process, so that other work on the machine disturbs little, and the order of the two alternates.
The last line is the median over the turns of AFTER over BEFORE.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMON = (
    *("data=digits", "model=mlp_vae", "logger=csv", "report=false", "evaluation.test=false"),
    *("trainer.threads=1", "callbacks.early_stopping.patience=null"),
    *("callbacks.progress.refresh_seconds=null", "callbacks.pictures.every_n_epochs=null"),
)


def main() -> None:
    """Measure, print a line a turn, and the median."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commits", nargs=2, metavar="COMMIT")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=20)
    given, settings = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as work:
        trees = [Path(work) / str(number) for number in range(2)]
        for commit, tree in zip(given.commits, trees, strict=True):
            tree.mkdir()
            archive = subprocess.run(
                ["git", "archive", commit], cwd=ROOT, stdout=subprocess.PIPE, check=True
            )
            subprocess.run(["tar", "x", "-C", str(tree)], input=archive.stdout, check=True)
            train(tree, 1, settings)  # compiles its modules and decodes the data
        ratios = []
        for turn in range(given.turns):
            order = trees if turn % 2 == 0 else trees[::-1]
            spent = {
                tree: train(tree, given.epochs, settings) - train(tree, 1, settings)
                for tree in order
            }
            before, after = (spent[tree] for tree in trees)
            ratios.append(after / before)
            print(f"{before:8.2f} s  {after:8.2f} s  {after / before:.4f}", flush=True)
    spread = f"{min(ratios):.4f} to {max(ratios):.4f}"
    print(f"median of {len(ratios)} turns: {statistics.median(ratios):.4f} ({spread})")


def train(tree: Path, epochs: int, settings: list[str]) -> float:
    """Train a run of a checkout; return the user seconds that it took."""
    with tempfile.TemporaryDirectory() as out:
        process = subprocess.Popen(
            [
                *(sys.executable, str(tree / "train.py"), *COMMON, *settings),
                *(f"trainer.max_epochs={epochs}", f"output_dir={out}"),
            ],
            cwd=tree,
            env={
                **os.environ,
                "PYTHONPATH": str(tree / "src"),
                "OMP_NUM_THREADS": "1",
                "VAEL_CACHE": str(tree / "cache"),
            },
            stdout=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(
                f"{tree.name}: train.py ended with {os.waitstatus_to_exitcode(status)}"
            )
        return used.ru_utime


if __name__ == "__main__":
    main()
