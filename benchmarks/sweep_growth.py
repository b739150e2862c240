"""What a search costs as it grows: time to claim, report and finish, and size on disk.

    python benchmarks/sweep_growth.py [--storages journal sqlite postgres] [--counts 100 10000]
    python benchmarks/sweep_growth.py --draw       # the pictures alone, from recorded numbers

Nothing is trained: trials are stored as a search leaves them (4 parameters, 5 reported epochs),
and at each count so many are claimed, reported and finished as a worker does it, with its files
and locks. A claim is everything under the sweep's lock; the config that a worker composes
afterwards, 0.3 s and the same for any count, is left out. Processor time is this process's; a
server's is not in it, but in the wall time. The study's last trials, 2 or 1,000, run elsewhere.

Then the queue of 1,000 workers is simulated: each trains for 5 to 15 minutes (uniform), claims and
finishes under the one lock for as long as it took with 1,000 running trials (processor time: what
disks and a server add comes on top), and waits in the order of asking. The first wave, in which
all ask at once, is counted apart.
"""

import argparse
import heapq
import json
import os
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from matplotlib.figure import Figure
from omegaconf import OmegaConf
from optuna.distributions import distribution_to_json
from optuna.storages import RDBStorage
from optuna.storages._rdb.models import (
    TrialIntermediateValueModel,
    TrialModel,
    TrialParamModel,
    TrialValueModel,
)
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import create_engine, insert, text

from vael.config.compose import compose_config
from vael.files import write_json
from vael.sweep import create
from vael.sweep.spec import trial_config
from vael.sweep.spec.sweep_file import parse_sweep
from vael.sweep.study import lease, storage
from vael.sweep.study.records import Claim, Outcome, trial_folder
from vael.sweep.study.study import Study
from vael.sweep.study.table import TrialRow, make_row
from vael.sweep.study.trials_file import write_csv

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "results" / "sweep_growth.json"
POSTGRES = ROOT / "tests" / "helpers" / "cluster" / "postgres.sh"
SPACE = {
    "model.latent_dim": "tag(log, int(interval(2, 64)))",
    "objective.beta": "tag(log, interval(0.25, 8))",
    "optimizer.lr": "tag(log, interval(3e-4, 1e-2))",
    "likelihood": "choice(gaussian, bernoulli)",
}
EPOCHS = 5  # that each trial reports
COLOURS = {"journal": "#2a6fdb", "sqlite": "#d9822b", "postgres": "#3d8f5f"}
Row = dict[str, Any]
Spent = dict[str, list[tuple[float, float]]]  # processor and wall milliseconds of each call


@contextmanager
def stored(kind: str, folder: Path) -> Iterator[str]:
    """URL of a storage of its own."""
    if kind != "postgres":
        yield {"journal": "journal", "sqlite": f"sqlite:///{folder / 'study.db'}"}[kind]
        return
    with tempfile.TemporaryDirectory(prefix="growth", dir="/tmp") as place:
        Path(place).chmod(0o755)
        start = ["bash", str(POSTGRES), "start", f"{place}/server", "54329", "secret"]
        subprocess.run(start, check=True)
        try:
            yield "postgresql+psycopg://vael:secret@127.0.0.1:54329/vael"
        finally:
            subprocess.run(["bash", str(POSTGRES), "stop", f"{place}/server"], check=False)


def make_study(parent: Path, url: str, trials: int) -> Study:
    """A sweep as ``vael sweep`` makes it, without its default configuration as trial 0."""
    plain = {"name": "growth", "trials": trials, "confirm": 0, "space": SPACE, "storage": url}
    d = parse_sweep({**plain, "overrides": ["logger=csv"], "pruner": "median"})
    folder = parent / d.name
    os.environ[storage.ENVIRONMENT] = url
    new = replace(create.make_snapshot(d, compose_config(d.overrides), None), default=None)
    create.create_sweep(folder, new, storage.locate_storage(url, folder))
    return Study.open(folder)


def fill(study: Study, count: int, running: int, draw: random.Random) -> None:
    """Store trials until there are ``count``; the last of them run, all others are complete."""
    space, kinds = study.space, _distributions(study)
    before = study.trials()
    for trial in before:
        if not trial.state.is_finished():
            study.storage.set_trial_state_values(trial._trial_id, TrialState.COMPLETE, [3.0])
            lease.free_lease(trial_folder(study.folder, trial.number))
    made = []
    for number in range(len(before), count):
        point = {p.path: p.domain.draw(draw) for p in space.parameters}
        beta = point["objective.beta"]
        assert isinstance(beta, float)
        value, runs = 2 + abs(beta - 1) + draw.random() / 10, number >= count - running
        made.append(
            FrozenTrial(
                number=number,
                state=TrialState.RUNNING if runs else TrialState.COMPLETE,
                value=None if runs else value,
                datetime_start=datetime.now(),
                datetime_complete=None if runs else datetime.now(),
                params=point,
                distributions=kinds,
                user_attrs={},
                system_attrs={},
                intermediate_values={s: value + 1 / s for s in range(1, EPOCHS + 1)},
                trial_id=-1,
            )
        )
        if runs:
            run = trial_folder(study.folder, number)
            run.mkdir(parents=True)
            (run / "config.yaml").write_text("{}\n")
            lease.take_lease(run, "another", 1)
    store(study, made)
    rows = [_row(study, trial) for trial in study.trials() if trial.state == TrialState.COMPLETE]
    write_csv(study.folder, rows, study.definition.targets)


def store(study: Study, trials: list[FrozenTrial]) -> None:
    """Store trials at once: one by one, SQLite takes minutes for them."""
    backend = getattr(study.storage, "_backend", None)
    if not isinstance(backend, RDBStorage):
        for trial in trials:
            study.storage.create_new_trial(study.id, trial)
        return
    with backend.scoped_session() as session:
        models = [
            TrialModel(
                study_id=study.id,
                number=trial.number,
                state=trial.state,
                datetime_start=trial.datetime_start,
                datetime_complete=trial.datetime_complete,
            )
            for trial in trials
        ]
        session.add_all(models)
        session.flush()
        params, values, steps = [], [], []
        for model, trial in zip(models, trials, strict=True):
            for name, kind in trial.distributions.items():
                number = kind.to_internal_repr(trial.params[name])
                text = distribution_to_json(kind)
                params.append((model.trial_id, name, number, text))
            if trial.value is not None:
                values.append((model.trial_id, 0, trial.value, "FINITE"))
            for step, value in trial.intermediate_values.items():
                steps.append((model.trial_id, step, value, "FINITE"))
        for table, columns, found in (
            (TrialParamModel, "trial_id param_name param_value distribution_json", params),
            (TrialValueModel, "trial_id objective value value_type", values),
            (
                TrialIntermediateValueModel,
                "trial_id step intermediate_value intermediate_value_type",
                steps,
            ),
        ):
            if found:
                names = columns.split()
                session.execute(
                    insert(table), [dict(zip(names, row, strict=True)) for row in found]
                )
        session.commit()


def _row(study: Study, trial: FrozenTrial) -> TrialRow:
    run = trial_folder(study.folder, trial.number)
    metrics = {f"val/{name}": 2.5 for name in ("bpd", "elbo", "rate", "distortion", "mse")}
    return replace(make_row(trial, run), epochs=EPOCHS, seconds=1.5, metrics=metrics)


def _distributions(study: Study) -> dict[str, Any]:
    ask = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    study.space.suggest(ask)
    return ask.distributions


def timed(work: Callable[[], Any], into: list[tuple[float, float]]) -> Any:
    """Do it, and note milliseconds of processor and of wall time."""
    cpu, wall = time.process_time(), time.perf_counter()
    made = work()
    into.append((1e3 * (time.process_time() - cpu), 1e3 * (time.perf_counter() - wall)))
    return made


def cycle(study: Study, spent: Spent) -> None:
    """One trial of a worker: claimed, reported and finished."""
    claim = timed(lambda: study.claim("w"), spent["claim"])
    assert isinstance(claim, Claim)
    assert claim.kind == "trial"
    for step in range(1, EPOCHS + 1):
        timed(lambda step=step: study.report(claim, step, 3.0 + 1 / step), spent["report"])
    metrics = {"val/bpd": 2.5 + 1 / (2 + claim.number), "val/elbo": -1.0, "val/rate": 1.0}
    summary = {"status": "finished", "metrics": metrics, "epochs": EPOCHS, "seconds": 1.5}
    write_json(claim.folder / "summary.json", summary)
    timed(lambda: study.finish(claim, Outcome("complete")), spent["finish"])


def measure(kind: str, counts: list[int], workers: int, cycles: int) -> Iterator[Row]:
    """Times and sizes of one storage at each count, with two and with many running trials."""
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as parent, stored(kind, Path(parent)) as url:
        study = make_study(Path(parent), url, 10 * max(counts))
        sync = os.fsync
        for count in counts:
            for running in (2, workers) if count >= 3 * workers else (2,):
                os.fsync = lambda file: None
                fill(study, max(count, len(study.trials()) + running), running, draw)
                os.fsync = sync
                spent: Spent = {
                    name: [] for name in ("open", "first claim", "claim", "report", "finish")
                }
                worker = timed(lambda: Study.open(study.folder), spent["open"])
                cycle(worker, {"claim": spent["first claim"], "report": [], "finish": []})
                for _ in range(cycles):
                    cycle(worker, spent)
                row: Row = {"storage": kind, "trials": count, "running": running}
                for name, both in spent.items():
                    cpu, wall = zip(*both, strict=True)
                    row[name] = {
                        "cpu_ms": statistics.median(cpu),
                        "wall_ms": statistics.median(wall),
                        "least_wall_ms": min(wall),
                    }
                row["study_mib"] = size(study, url) / 2**20
                row["csv_mib"] = (study.folder / "trials.csv").stat().st_size / 2**20
                print(json.dumps(row), flush=True)
                yield row


def size(study: Study, url: str) -> float:
    """Bytes of what the storage keeps."""
    if url.startswith("postgresql"):
        with create_engine(url).connect() as server:
            return float(server.execute(text("select pg_database_size('vael')")).scalar() or 0)
    names = ("study.journal", "../study.db")
    return float(sum(p.stat().st_size for n in names if (p := study.folder / n).exists()))


def queue(rows: list[Row], workers: int, trials: int, minutes: float = 10) -> Row:
    """Simulate the lock that all workers wait for; shares of their time."""
    draw = random.Random(0)
    known = sorted(
        (row["trials"], row["claim"]["cpu_ms"], row["finish"]["cpu_ms"]) for row in rows
    )

    def seconds(done: int, column: int) -> float:
        below = [k for k in known if k[0] <= done] or known[:1]
        above = [k for k in known if k[0] >= done] or known[-1:]
        (a, *low), (b, *high) = below[-1], above[0]
        part = (done - a) / (b - a) if b > a else 0.0
        return (low[column] + max(0.0, min(1.0, part)) * (high[column] - low[column])) / 1e3

    asks = [(0.0, worker, False) for worker in range(workers)]
    free, done, begun = 0.0, 0, 0
    waits = {"first wave": 0.0, "then": 0.0}
    trained = 0.0
    while asks:
        at, worker, ends = heapq.heappop(asks)
        start = max(free, at)
        waits["first wave" if begun < workers and not ends else "then"] += start - at
        free = start + (seconds(done, 1) if ends else seconds(done, 0))
        if ends:
            done += 1
            heapq.heappush(asks, (free, worker, False))
        elif begun < trials:
            begun += 1
            length = 60 * minutes * draw.uniform(0.5, 1.5)
            trained += length
            heapq.heappush(asks, (free + length, worker, True))
    return {
        "workers": workers,
        "trials": trials,
        "share": waits["then"] / trained,
        "first_wave_mean_s": waits["first wave"] / workers,
    }


def draw_pictures(result: Row, out: Path) -> None:
    """Four panels: claim, report and finish over the trials, and the size on disk."""
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    axes = figure.subplots(2, 2).ravel()
    for axis, name in zip(axes, ("claim", "report", "finish", "size"), strict=True):
        for kind, colour in COLOURS.items():
            rows = [row for row in result["rows"] if row["storage"] == kind]
            for running in sorted({row["running"] for row in rows}):
                own = [row for row in rows if row["running"] == running]
                y = [row["study_mib"] if name == "size" else row[name]["cpu_ms"] for row in own]
                if name != "size" or running == 2:
                    look = "o-" if running == 2 else "s:"
                    label = f"{kind}, {running:,} running"
                    x = [row["trials"] for row in own]
                    axis.plot(x, y, look, color=colour, label=label, markersize=4)
        axis.set_xscale("log")
        axis.set_xlabel("trials in the study")
        axis.set_ylabel("MiB on disk" if name == "size" else "ms of processor time")
        axis.set_title({"size": "the study"}.get(name, f"{name} once"))
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].axhline(150, color="gray", linewidth=1)
    axes[0].text(100, 153, "goal: 150 ms", va="bottom", color="gray", fontsize=8)
    axes[0].legend(fontsize=8)
    figure.savefig(out)


def main() -> None:
    """Measure, simulate, write and draw."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--storages", nargs="+", default=list(COLOURS), choices=list(COLOURS))
    parser.add_argument("--counts", nargs="+", type=int, default=[100, 300, 1000, 3000, 10000])
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--cycles", type=int, default=9)
    parser.add_argument("--draw", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    result: Row = json.loads(given.out.read_text()) if given.out.exists() else {"rows": []}
    trial_config.compose_trial = lambda *_: OmegaConf.create({"trainer": {"max_epochs": EPOCHS}})
    for kind in () if given.draw else given.storages:
        kept = [row for row in result["rows"] if row["storage"] != kind]
        rows = list(measure(kind, given.counts, given.workers, given.cycles))
        result["rows"] = [*kept, *rows]
        write_json(given.out, result)
    for kind in {row["storage"] for row in result["rows"]}:
        own = [row for row in result["rows"] if row["storage"] == kind]
        many = [row for row in own if row["running"] == given.workers]
        result.setdefault("queue", {})[kind] = queue(many, given.workers, max(given.counts))
        print(kind, result["queue"][kind], flush=True)
    write_json(given.out, result)
    draw_pictures(result, given.out.with_suffix(".svg"))


if __name__ == "__main__":
    main()
