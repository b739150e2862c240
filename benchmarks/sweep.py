"""How fast sweeps are, on 2 cores: sweeps/latent_beta_likelihood.yaml, shortened.

    python benchmarks/sweep.py [workers pruning hydra] [--rounds 3] [--seeds 5] [--hydra PYTHON]
                               [--out results/sweep.json]

Four figures, from whole `vael sweep` commands on the digits, without wandb; a part that is not
asked for stays in the file as it was:

- gap: seconds between two trials of a worker that are not training (1 worker, no pruner);
- workers: how much sooner 2 workers of 1 thread finish the same 12 trials than 1 worker of 2
  threads (random sampler, no pruner: the trials are the same), in turns;
- pruning: over study seeds, the share of the epochs that a pruned study needs, and its best
  val/bpd beside that of the unpruned one;
- hydra: finished trials an hour beside hydra-optuna-sweeper (n_jobs=2, joblib), given the Python
  of an environment that has it, with the file's pruner (a pruned trial is a finished one) and
  with none. It can neither prune nor search a parameter conditionally.
"""

import argparse
import csv
import json
import os
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
SEARCH = ROOT / "sweeps" / "latent_beta_likelihood.yaml"
TRIALS, EPOCHS = 12, 30
SHORT = (f"trainer.max_epochs={EPOCHS}", "callbacks.early_stopping.patience=null")
ENVIRON = {**os.environ, "OMP_NUM_THREADS": "1", "WANDB_MODE": "disabled"}


def search(parent: Path, name: str, **changes: Any) -> tuple[float, list[dict[str, str]]]:
    """Wall seconds and trials.csv of one `vael sweep`."""
    plain = yaml.safe_load(SEARCH.read_text())
    workers = changes.pop("workers", 2)
    plain |= {"trials": TRIALS, "confirm": 0, "name": name} | changes
    file = parent / f"{name}.yaml"
    file.write_text(yaml.safe_dump(plain))
    began = time.perf_counter()
    subprocess.run(
        [
            sys.executable,
            "-m",
            "vael.cli",
            "sweep",
            str(file),
            "--workers",
            str(workers),
            f"output_dir={parent}",
            *SHORT,
        ],
        cwd=ROOT,
        env=ENVIRON,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    took = time.perf_counter() - began
    with (parent / "sweeps" / name / "trials.csv").open() as table:
        return took, list(csv.DictReader(table))


def gap(table: list[dict[str, str]]) -> float:
    """Of one worker: what is left of the time between two ends when the training is taken off."""
    rows = sorted(table, key=lambda row: row["ended"])
    ends = [datetime.fromisoformat(row["ended"]).timestamp() for row in rows]
    spent = sum(float(row["seconds"]) for row in rows[1:])
    return (ends[-1] - ends[0] - spent) / (len(rows) - 1)


def workers(parent: Path, rounds: int) -> dict[str, Any]:
    """One worker and two, in turns; the gap is the one worker's."""
    gaps, ratios, seconds = [], [], []
    for n in range(rounds):
        same = {"pruner": None, "sampler": "random", "seed": n}
        alone, table = search(parent, f"alone-{n}", workers=1, **same)
        pair, other = search(parent, f"pair-{n}", workers=2, **same)
        assert scores(table) == scores(other), "the same trials have the same scores"
        gaps.append(gap(table))
        ratios.append(alone / pair)
        seconds.append([alone, pair])
    return {
        "gap_seconds": statistics.median(gaps),
        "gaps": gaps,
        "ratio": statistics.median(ratios),
        "ratios": ratios,
        "seconds": seconds,
    }


def scores(table: list[dict[str, str]]) -> list[str]:
    """val/bpd by trial number."""
    return [row["val/bpd"] for row in sorted(table, key=lambda row: int(row["number"]))]


def pruning(parent: Path, seeds: int) -> dict[str, Any]:
    """The file's pruner against none."""
    rows = []
    for seed in range(seeds):
        slow, whole = search(parent, f"whole-{seed}", pruner=None, seed=seed)
        fast, pruned = search(parent, f"pruned-{seed}", seed=seed)
        rows.append(
            {
                "epochs_share": epochs(pruned) / epochs(whole),
                "best_ratio": best(pruned) / best(whole),
                "best": best(pruned),
                "best_unpruned": best(whole),
                "seconds": fast,
                "seconds_unpruned": slow,
            }
        )
    medians = {
        name: statistics.median(row[name] for row in rows)
        for name in ("epochs_share", "best_ratio")
    }
    return {**medians, "studies": rows}


def epochs(table: list[dict[str, str]]) -> int:
    """Of all trials."""
    return sum(int(row["epochs"]) for row in table)


def best(table: list[dict[str, str]]) -> float:
    """Of the trials that were not pruned."""
    return min(float(row["val/bpd"]) for row in table if row["state"] == "complete")


def hydra(parent: Path, python: str, rounds: int) -> dict[str, Any]:
    """The same budget by hydra-optuna-sweeper, in turns."""
    seconds: dict[str, list[float]] = {"hydra": [], "pruned": [], "unpruned": []}
    for n in range(rounds):
        began = time.perf_counter()
        subprocess.run(
            [
                python,
                str(ROOT / "benchmarks" / "hydra_sweeper.py"),
                "-m",
                "hydra/sweeper=optuna",
                f"hydra.sweeper.n_trials={TRIALS}",
                "hydra.sweeper.n_jobs=2",
                "hydra.sweeper.direction=minimize",
                f"hydra.sweeper.sampler.seed={n}",
                "hydra/launcher=joblib",
                "hydra.launcher.n_jobs=2",
                "logger=csv",
                *SHORT,
                f"output_dir={parent}/hydra-{n}",
                "evaluation.test=false",
                "report=false",
                "trainer.threads=1",
                *_space(),
            ],
            env=ENVIRON,
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=ROOT,
        )
        seconds["hydra"].append(time.perf_counter() - began)
        runs = list(Path(f"{parent}/hydra-{n}").rglob("summary.json"))
        done = [run for run in runs if json.loads(run.read_text())["status"] == "finished"]
        assert len(done) == TRIALS, f"hydra finished {len(done)} of {TRIALS} trials"
        for way, changes in (("pruned", {}), ("unpruned", {"pruner": None})):
            took, table = search(parent, f"{way}-beside-{n}", seed=n, **changes)
            assert len(table) == TRIALS
            seconds[way].append(took)
    ratios = {
        way: [t / o for t, o in zip(seconds["hydra"], seconds[way], strict=True)]
        for way in ("pruned", "unpruned")
    }
    return {
        "ratio": statistics.median(ratios["pruned"]),
        "ratio_unpruned": statistics.median(ratios["unpruned"]),
        "ratios": ratios,
        "seconds": seconds,
    }


def _space() -> list[str]:
    plain = yaml.safe_load(SEARCH.read_text())["space"]
    return [f"{path}={text.replace(' ', '')}" for path, text in plain.items()]


def main() -> None:
    """Prints the figures and writes them, part by part."""
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "parts", nargs="*", default=["workers", "pruning"], help="workers, pruning, hydra"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--hydra", help="Python of an environment with hydra-optuna-sweeper")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "sweep.json")
    options = parser.parse_args()
    if "hydra" in options.parts and not options.hydra:
        parser.error("hydra needs --hydra PYTHON")
    found: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {}
    found |= {
        "search": f"{SEARCH.name}: {TRIALS} trials of at most {EPOCHS} epochs",
        "cores": os.cpu_count(),
        "machine": describe_machine()["processor"],
    }
    with tempfile.TemporaryDirectory() as parent:
        for part in options.parts:
            found[part] = {
                "workers": lambda: workers(Path(parent), options.rounds),
                "pruning": lambda: pruning(Path(parent), options.seeds),
                "hydra": lambda: hydra(Path(parent), options.hydra, options.rounds),
            }[part]()
            print(json.dumps({part: found[part]}, indent=2), flush=True)
            write_json(options.out, found)


if __name__ == "__main__":
    main()
