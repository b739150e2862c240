"""Comparison of samplers and pruners: each pair searches the landscape from the same seeds."""

import json
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

from searching.landscape import Landscape, fit_landscape
from searching.records import Trial, read_record
from searching.replay import OTHER, TWO, Replay, read_space, run_search
from vael.files import write_text
from vael.sweep.spec.space import Space

EPOCHS, PATIENCE = 100, 20  # trainer.max_epochs and early_stopping.patience of the search
TRIALS = 40
BUDGET = 2400  # epochs of all trials that each pair gets at least
ELSEWHERE = 1000  # added to the sampler's seed by ``OTHER``


def _optuna(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"_target_": f"optuna.{kind}.{name}", **more}


def _tangent(**more: Any) -> dict[str, Any]:
    return {"_target_": "vael.sweep.study.tangent.TangentPruner", **more}


SAMPLERS: dict[str, Any] = {
    "tpe": "tpe",
    "tpe, univariate": _optuna("samplers", "TPESampler", multivariate=False),
    "tpe, group": _optuna("samplers", "TPESampler", multivariate=True, group=True),
    "tpe, no liar": _optuna("samplers", "TPESampler", constant_liar=False),
    "tpe, 5 at random": _optuna("samplers", "TPESampler", n_startup_trials=5),
    "gp": "gp",
    "cmaes": "cmaes",
    "nsgaii": "nsgaii",
    "qmc": "qmc",
    "random": "random",
}
PRUNERS: dict[str, Any] = {
    "none": None,
    "tangent": "tangent",
    "tangent, best alone": _tangent(best=0.0),
    "tangent, straight": _tangent(bend=0.0),
    "tangent, bend 0.2": _tangent(bend=0.2),
    "halving from 8": "halving",
    "halving from 30": _optuna(
        "pruners", "SuccessiveHalvingPruner", min_resource=30, reduction_factor=2
    ),
    "hyperband": "hyperband",
    "median from 5": "median",
    "median from 25": _optuna("pruners", "MedianPruner", n_warmup_steps=25),
    "best quarter from 25": _optuna(
        "pruners", "PercentilePruner", percentile=25.0, n_warmup_steps=25
    ),
    "wilcoxon": _optuna("pruners", "WilcoxonPruner", p_threshold=0.1, n_startup_steps=25),
}
_landscape: Landscape
_space: Space
PAIRS = [("tpe", pruner) for pruner in PRUNERS]
PAIRS += [(sampler, "tangent") for sampler in SAMPLERS if sampler != "tpe"]
PAIRS += [(sampler, "none") for sampler in ("gp", "random")]
PAIRS += [("tpe", "none" + OTHER)]
PAIRS += [
    ("tpe", pruner + TWO) for pruner in ("none", "tangent", "tangent, best alone", "none" + OTHER)
]


def read_configurations(folder: Path) -> list[Trial]:
    """Read all recorded trials without a pruner, each configuration once."""
    found: dict[str, Trial] = {}
    for path in sorted(folder.glob("*.json.gz")):
        record = read_record(path)
        if record.study["pruner"] is None:
            found |= {json.dumps(t.params, sort_keys=True): t for t in record.trials}
    return [*found.values()]


def load_landscape(folder: Path) -> Landscape:
    """Fit the landscape to the recorded configurations."""
    return fit_landscape(read_configurations(folder), EPOCHS, PATIENCE)


def compare(
    folder: Path,
    search: Path,
    pairs: Sequence[tuple[str, str]],
    seeds: int,
    out: Path,
    workers: int,
) -> None:
    """Run each pair of sampler and pruner over the seeds, and go on where it was interrupted."""
    done: dict[str, dict[str, Any]] = json.loads(out.read_text()) if out.exists() else {}
    asked = [
        (sampler, pruner, seed)
        for seed in range(seeds)
        for sampler, pruner in pairs
        if str(seed) not in done.get(f"{sampler} / {pruner}", {})
    ]
    began = time.monotonic()
    with ProcessPoolExecutor(workers, initializer=_fit, initargs=(folder, search)) as pool:
        waiting = {pool.submit(_search, *one): one for one in asked}
        for count, one in enumerate(as_completed(waiting), start=1):
            sampler, pruner, seed = waiting[one]
            done.setdefault(f"{sampler} / {pruner}", {})[str(seed)] = one.result()
            if count % 20 == 0 or count == len(asked):
                write_text(out, json.dumps(done, separators=(",", ":")))
                print(f"{count} of {len(asked)}, {time.monotonic() - began:.0f} s", flush=True)


def _fit(folder: Path, search: Path) -> None:
    global _landscape, _space
    _landscape, _space = load_landscape(folder), read_space(search)


def _search(sampler: str, pruner: str, seed: int) -> dict[str, Any]:
    workers, pruner = 1 + pruner.endswith(TWO), pruner.removesuffix(TWO)
    sampling = seed + ELSEWHERE * pruner.endswith(OTHER)
    asked = SAMPLERS[sampler], PRUNERS[pruner.removesuffix(OTHER)]
    found = run_search(_landscape, _space, *asked, seed, TRIALS, BUDGET, workers, sampling)
    return asdict(found)


def read_replays(out: Path) -> dict[str, list[Replay]]:
    """Read what was compared."""
    return {
        pair: [
            Replay([(e, s, w) for e, s, w in r["ends"]], r["default"], r["tried"]) for r in runs
        ]
        for pair, runs in _by_seed(out)
    }


def _by_seed(out: Path) -> list[tuple[str, list[Any]]]:
    plain = json.loads(out.read_text())
    return [(pair, [runs[s] for s in sorted(runs, key=int)]) for pair, runs in plain.items()]
