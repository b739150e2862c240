"""Floor 9: the chunks of an evaluation scored by one process or by several, with one result.

A chunk's scores depend on nothing but its number, and are put together in the order of the
chunks: any number of processes gives the same numbers to the bit.
"""

import multiprocessing
import os
import queue
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vael.distributed.failures import describe_signal
from vael.distributed.processes import die_with, keep_freed_memory
from vael.distributed.signals import ignore_sigint
from vael.errors import ConfigError, VaelError
from vael.evaluation.progress import Countdown
from vael.pretrained.scoring import Columns, Part, Scorer, list_chunks
from vael.pretrained.trained import load_trained

LOOK = 0.2  # seconds between two looks at the progress of the others


@dataclass(frozen=True)
class ScoringJob:
    """What a process must know to score on its own."""

    path: Path
    overrides: tuple[str, ...]
    allow: tuple[str, ...]
    parts: tuple[Part, ...]
    samples: int
    kind: str
    devices: int
    threads: int

    def device(self, rank: int) -> torch.device:
        """Where process ``rank`` computes."""
        return torch.device("cpu") if self.kind == "cpu" else torch.device("cuda", rank)


def choose_device(device: str, devices: int) -> str:
    """``cpu`` or ``cuda``; auto takes GPUs where there are any.

    Raises:
        ConfigError: an unknown device, or more than there are.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"--device must be auto, cpu or cuda, but got {device}.")
    if devices < 1:
        raise ConfigError(f"--devices must be at least 1, but got {devices}.")
    gpus = torch.cuda.device_count()
    if device == "cuda" and gpus == 0:
        raise ConfigError(
            "--device cuda, but torch sees no GPU here: use --device cpu (or auto), "
            "or install torch with CUDA."
        )
    if device == "cpu" or gpus == 0:
        return "cpu"
    if devices > gpus:
        raise ConfigError(
            f"--devices {devices}, but this machine has {gpus} GPUs: use --devices "
            f"{gpus}, or --device cpu."
        )
    return "cuda"


def score_parts(job: ScoringJob, scorer: Scorer, what: str) -> dict[Part, Columns]:
    """The columns of every example of every part, in the order of the split.

    Raises:
        VaelError: one of several processes died.
    """
    todo = list_chunks(scorer, job.parts)
    total = sum(len(scorer.examples(part).index) for part in job.parts) * job.samples
    with Countdown(what, total) as countdown:
        if job.devices == 1:
            done = [scorer.score(*piece, countdown.add) for piece in todo]
        else:
            done = _together(job, len(todo), countdown)
    return {
        part: _joined([done[n] for n, piece in enumerate(todo) if piece[0] == part])
        for part in job.parts
    }


def _joined(chunks: Sequence[Columns]) -> Columns:
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def _together(job: ScoringJob, count: int, countdown: Countdown) -> list[Columns]:
    context = multiprocessing.get_context("spawn")
    results: Any = context.Queue()
    ticks = context.RawArray("q", job.devices)
    crew = [
        context.Process(target=_work, args=(job, rank, ticks, results), daemon=True)
        for rank in range(job.devices)
    ]
    done: dict[int, Columns] = {}
    try:
        with ignore_sigint():
            for process in crew:
                process.start()
        while len(done) < count:
            try:
                number, found = results.get(timeout=LOOK)
                if isinstance(found, VaelError):
                    raise found
                done[number] = found
            except queue.Empty:
                _check_alive(crew)
            countdown.at(sum(ticks))
    finally:
        for process in crew:
            process.kill()
            process.join()
    return [done[number] for number in range(count)]


def _check_alive(crew: Sequence[Any]) -> None:
    for rank, process in enumerate(crew):
        if process.exitcode:
            cause = (
                f"was {describe_signal(-process.exitcode)}"
                if process.exitcode < 0
                else f"ended with exit code {process.exitcode}"
            )
            raise VaelError(
                f"process {rank} of {len(crew)} {cause}; is there enough memory? "
                "Try fewer --devices. The old evaluation.json stands."
            )


def _work(job: ScoringJob, rank: int, ticks: Any, results: Any) -> None:
    """Scores chunks rank, rank + N, ..."""
    die_with(os.getppid())
    keep_freed_memory()
    try:
        torch.set_num_threads(job.threads)
        trained = load_trained(job.path, job.overrides, job.allow)
        scorer = Scorer(trained, job.device(rank), job.samples)

        def tick(pairs: int) -> None:
            ticks[rank] += pairs

        for number, piece in list(enumerate(list_chunks(scorer, job.parts)))[rank :: job.devices]:
            results.put((number, scorer.score(*piece, tick)))
    except VaelError as error:
        results.put((-1, error))
