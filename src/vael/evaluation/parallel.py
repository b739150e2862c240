"""Score the chunks of an evaluation in one process or in several, with one result.

A chunk's scores depend on nothing but its number, and are put together in the order of the
chunks: any number of processes gives the same numbers to the bit.
"""

import multiprocessing
import os
import queue
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from vael.distributed.failures import describe_signal
from vael.distributed.processes import die_with, keep_freed_memory
from vael.distributed.signals import ignore_sigint
from vael.errors import VaelError
from vael.evaluation.request import EvaluationRequest
from vael.pretrained.scoring import Columns, Part, Scorer, list_chunks
from vael.pretrained.trained import load_trained
from vael.progress import Countdown

Parts = tuple[Part, ...]
LOOK_SECONDS = 0.2  # between two looks at the progress of the others


def choose_place(kind: str, rank: int) -> torch.device:
    """Return the device where a process computes: its own GPU on ``cuda``."""
    return torch.device("cpu") if kind == "cpu" else torch.device("cuda", rank)


def score_parts(
    request: EvaluationRequest, kind: str, parts: Parts, scorer: Scorer, what: str
) -> dict[Part, Columns]:
    """Return the columns of every example of every part, in the order of the split.

    Args:
        request: samples, processes, threads and the model.
        kind: ``cpu`` or ``cuda``.
        parts: what to score.
        scorer: of this process.
        what: the words of the progress bar.

    Raises:
        VaelError: one of several processes died.
    """
    todo = list_chunks(scorer, parts)
    total = sum(len(scorer.examples(part).index) for part in parts) * scorer.samples
    with Countdown(what, total) as countdown:
        if request.devices == 1:
            done = [scorer.score(*piece, countdown.add) for piece in todo]
        else:
            done = _score_together(request, kind, parts, len(todo), countdown)
    chunks: dict[Part, list[Columns]] = {part: [] for part in parts}
    for (part, _), columns in zip(todo, done, strict=True):
        chunks[part].append(columns)
    return {
        part: {name: np.concatenate([chunk[name] for chunk in found]) for name in found[0]}
        for part, found in chunks.items()
    }


def _score_together(
    request: EvaluationRequest, kind: str, parts: Parts, count: int, countdown: Countdown
) -> list[Columns]:
    context = multiprocessing.get_context("spawn")
    results: Any = context.Queue()
    ticks = context.RawArray("q", request.devices)
    shared = (request, kind, parts, ticks, results)
    crew = [
        context.Process(target=_work, args=(rank, *shared), daemon=True)
        for rank in range(request.devices)
    ]
    done: dict[int, Columns] = {}
    try:
        with ignore_sigint():
            for process in crew:
                process.start()
        while len(done) < count:
            try:
                number, found = results.get(timeout=LOOK_SECONDS)
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
            cause = f"ended with exit code {process.exitcode}"
            if process.exitcode < 0:
                cause = f"was {describe_signal(-process.exitcode)}"
            raise VaelError(
                f"process {rank} of {len(crew)} {cause}; is there enough memory? "
                "Try fewer --devices. The old evaluation.json stands."
            )


def _work(
    rank: int, request: EvaluationRequest, kind: str, parts: Parts, ticks: Any, results: Any
) -> None:
    """Score chunks rank, rank + N, ..."""
    die_with(os.getppid())
    keep_freed_memory()
    try:
        torch.set_num_threads(request.threads)
        trained = load_trained(request.path, request.overrides, request.allow)
        scorer = Scorer(trained, choose_place(kind, rank), request.samples)

        def tick(pairs: int) -> None:
            ticks[rank] += pairs

        for number, piece in [*enumerate(list_chunks(scorer, parts))][rank :: request.devices]:
            results.put((number, scorer.score(*piece, tick)))
    except VaelError as error:
        results.put((-1, error))
