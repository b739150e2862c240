"""Recording: many `vael sweep` commands side by side, each condensed into one file."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import torch
import yaml

from searching.records import Record, read_record, read_trials, write_record
from vael.runs.provenance import describe_machine

ROOT = Path(__file__).parents[2]
LOOK_SECONDS = 1.0
SAVE_SECONDS = 60.0  # between two condensations of a study that goes on
STOP_SECONDS = 60.0  # in which a sweep that is told to stop saves its trials
# The numbers are the search's own; only where and how fast they are computed is fixed here.
FIXED = (
    "trainer.accelerator=cpu",
    "trainer.threads=1",
    "callbacks.checkpoint.every_n_epochs=1000",
)
# what each kind of study changes in the sweep's file, its first seed
KINDS: dict[str, tuple[dict[str, Any], int]] = {
    "random": ({"sampler": "random", "pruner": None, "trials": 50}, 1000),
    "unpruned": ({"pruner": None}, 0),
    "shipped": ({}, 0),
}


@dataclass
class Recording:
    """One study that is being recorded.

    Attributes:
        name: of the study, its folder and its file.
        plain: the sweep's file.
        folder: where the sweep works.
        out: the record.
    """

    name: str
    plain: dict[str, Any]
    folder: Path
    out: Path
    child: subprocess.Popen[bytes] | None = None

    def start(self, workers: int, overrides: list[str]) -> None:
        """Start the sweep, or go on with it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"{self.name}.yaml"
        file.write_text(yaml.safe_dump(self.plain))
        command = [sys.executable, "-m", "vael.cli", "sweep", str(file), "--confirm", "0"]
        command += ["--workers", str(workers), f"output_dir={self.folder}", *FIXED, *overrides]
        environ = {**os.environ, "OMP_NUM_THREADS": "1", "WANDB_MODE": "disabled"}
        with (self.folder / "log").open("ab") as log:
            self.child = subprocess.Popen(
                command, cwd=ROOT, env=environ, stdout=log, stderr=log, start_new_session=True
            )

    def save(self) -> Record:
        """Condense what has ended."""
        kept = ("sampler", "pruner", "seed", "trials", "space", "when", "overrides")
        record = Record(
            study={key: self.plain.get(key) for key in kept},
            machine={**describe_machine(), "torch": torch.__version__},
            trials=read_trials(self.folder / "sweeps" / self.name, self.plain["target"]),
        )
        write_record(self.out, record)
        return record


def plan_studies(
    plain: dict[str, Any], wanted: list[tuple[str, int]], skip: int, work: Path, out: Path
) -> list[Recording]:
    """Plan the studies that are not recorded yet, the kinds in turns.

    Args:
        plain: the sweep's file.
        wanted: kind and number of studies.
        skip: the first so many seeds of each kind.
        work: where the sweeps work.
        out: where the records go.
    """

    def of_kind(kind: str, count: int) -> Iterator[Recording]:
        changes, first = KINDS[kind]
        for seed in range(first + skip, first + skip + count):
            name = f"{kind}-{seed}"
            one = Recording(
                name, {**plain, **changes, "seed": seed}, work / name, out / f"{name}.json.gz"
            )
            if not (one.out.exists() and read_record(one.out).done):
                yield one

    columns = zip_longest(*(of_kind(kind, count) for kind, count in wanted))
    return [one for one in chain.from_iterable(columns) if one is not None]


def record(
    studies: list[Recording], workers: int, each: int, minutes: float, overrides: list[str]
) -> None:
    """Run the studies until all are recorded or the time is up.

    Args:
        studies: in this order.
        workers: of all together.
        each: workers of one study.
        minutes: after which what has ended is kept and the rest is stopped.
        overrides: of all trials.
    """
    end, saved = time.monotonic() + 60 * minutes, time.monotonic()
    waiting, running = list(studies), list[Recording]()
    try:
        while (waiting or running) and time.monotonic() < end:
            while waiting and (len(running) + 1) * each <= max(workers, each):
                running.append(waiting.pop(0))
                running[-1].start(each, overrides)
            time.sleep(LOOK_SECONDS)
            if time.monotonic() - saved > SAVE_SECONDS:
                saved = time.monotonic()
                for one in running:
                    one.save()
            for one in [r for r in running if r.child and r.child.poll() is not None]:
                running.remove(one)
                _conclude(one)
    finally:
        _stop(running)
    left = sum(not (one.out.exists() and read_record(one.out).done) for one in studies)
    print(f"{len(studies) - left} of {len(studies)} studies are recorded", flush=True)


def _conclude(one: Recording) -> None:
    """Keep the record of a sweep that has ended, and its folder where it is not done."""
    assert one.child is not None
    found = one.save()
    if one.child.returncode == 0 and found.done:
        shutil.rmtree(one.folder)
        best = min(t.best for t in found.trials)
        epochs = sum(len(t.curve) for t in found.trials)
        print(f"{one.name}: best {best:.4f}, {epochs} epochs", flush=True)
    else:
        print(f"{one.name}: exit {one.child.returncode}, see {one.folder}/log", flush=True)


def _stop(running: list[Recording]) -> None:
    """Ask the sweeps to stop, kill what does not, and keep what has ended."""
    for one in running:
        if one.child is not None and one.child.poll() is None:
            one.child.send_signal(signal.SIGTERM)
    for one in running:
        if one.child is None:
            continue
        try:
            one.child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            one.child.kill()
        one.save()
