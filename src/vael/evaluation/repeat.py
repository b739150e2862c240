"""Repeat a run from its config, and find where the two first differ."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vael.errors import ConfigError
from vael.files import write_bytes
from vael.runs.checkpoint import load_checkpoint
from vael.runs.folder import RunFolder, read_config
from vael.runs.metrics_csv import read_cells
from vael.runs.provenance import compare_environment
from vael.runs.summary import REPEATED, read_summary
from vael.text import word_command

TIMED = "examples_per_second"
PATHS = "callbacks"  # of a checkpoint: their states hold the folder's name


def prepare_repeat(run: Path) -> Path:
    """Make a folder beside the run with its config.yaml, or take one that was begun before.

    Raises:
        ConfigError: the run has not finished, so there is nothing to compare with.
    """
    read_config(run)
    summary = read_summary(run)
    status = "not trained yet" if summary is None else summary["status"]
    if status != "finished":
        raise ConfigError(
            f"{run} is {status}: only a finished run can be repeated and compared. "
            f"{word_command('vael', 'train', run)} trains it, or goes on with it."
        )
    files = RunFolder(run)
    for name in ("best", "last"):
        if not files.checkpoint(name).is_file():
            raise ConfigError(
                f"{run} has no checkpoints/{name}.ckpt any more, so there is "
                "nothing to compare with."
            )
    config = files.config.read_bytes()
    for attempt in range(1000):
        folder = run.with_name(f"{run.name}-again{f'-{attempt}' if attempt else ''}")
        if not folder.exists():
            write_bytes(RunFolder(folder).config, lambda file: file.write(config))
            return folder
        before, kept = read_summary(folder), RunFolder(folder).config
        unfinished = before is None or before["status"] == "interrupted"
        if unfinished and kept.is_file() and kept.read_bytes() == config:
            return folder
    raise ConfigError(f"no free folder name beside {run}: empty {run.parent}.")


def find_differences(run: Path, again: Path) -> list[str]:
    """Return where each file of two runs first differs, a line each; none: equal to the bit."""
    found = [
        _compare_rows(run, again),
        _compare_summaries(run, again),
        *(_compare_checkpoints(run, again, name) for name in ("last", "best")),
    ]
    return [text for place in found for text in islice(place, 1)]


def repeat_text(run: Path, again: Path) -> tuple[str, bool]:
    """Return the result in words, and whether the two are the same to the bit."""
    found = find_differences(run, again)
    if not found:
        return (
            f"same: {again} has the weights, the optimiser state, metrics.csv and "
            f"summary.json of {run}, all to the bit"
        ), True
    summary = read_summary(run)
    assert summary is not None
    reasons = [f"  {d}" for d in compare_environment(summary)]
    lines = [
        f"differs: {again} is not {run}; their first differences:",
        *(f"  {text}" for text in found),
    ]
    if reasons:
        lines += ["another machine or other versions:", *reasons]
    else:
        lines.append(
            "versions and hardware are the same: look for a draw without a key, an "
            "operator that is not deterministic (a GPU's), or other threads."
        )
    return "\n".join(lines), False


def _compare_rows(run: Path, again: Path) -> Iterator[str]:
    a, b = (read_cells(RunFolder(folder).metrics) for folder in (run, again))
    for row, other in zip(a, b, strict=False):
        for name in sorted(row.keys() | other.keys()):
            if TIMED not in name and row.get(name) != other.get(name):
                yield (
                    f"metrics.csv, step {row['step']}, {name}: {row.get(name) or 'nothing'} "
                    f"and {other.get(name) or 'nothing'}"
                )
    if len(a) != len(b):
        yield f"metrics.csv: {len(a)} and {len(b)} rows"


def _compare_summaries(run: Path, again: Path) -> Iterator[str]:
    a, b = (read_summary(folder) or {} for folder in (run, again))
    for name in REPEATED:
        for text in _compare(a.get(name), b.get(name), name):
            yield f"summary.json, {text}"


def _compare_checkpoints(run: Path, again: Path, name: str) -> Iterator[str]:
    path = RunFolder(run).checkpoint(name).relative_to(run)
    a, b = (load_checkpoint(folder / path) for folder in (run, again))
    for key in dict.fromkeys([*a, *b]):
        if key != PATHS:
            for text in _compare(a.get(key), b.get(key), key):
                yield f"{path}, {text}"


def _compare(a: Any, b: Any, path: str) -> Iterator[str]:
    """Yield where two nested containers differ, in their order."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        yield from _compare_tensors(a, b, path)
    elif isinstance(a, Mapping) and isinstance(b, Mapping):
        for name in dict.fromkeys([*a, *b]):
            if TIMED not in str(name):
                yield from _compare(a.get(name), b.get(name), f"{path}.{name}")
    elif isinstance(a, list | tuple) and isinstance(b, list | tuple) and len(a) == len(b):
        for place, (left, right) in enumerate(zip(a, b, strict=True)):
            yield from _compare(left, right, f"{path}.{place}")
    elif type(a) is not type(b) or a != b:
        yield f"{path}: {a} and {b}"


def _compare_tensors(a: Tensor, b: Tensor, path: str) -> Iterator[str]:
    if a.shape != b.shape or a.dtype != b.dtype:
        yield f"{path}: {a.dtype} {tuple(a.shape)} and {b.dtype} {tuple(b.shape)}"
        return
    # by their bits: NaN is itself, and 0 is not -0
    left, right = (t.contiguous().reshape(-1, 1).view(torch.uint8) for t in (a, b))
    other = (left != right).any(1).nonzero().flatten()
    if len(other):
        place = int(other[0])
        at = [int(i) for i in torch.unravel_index(torch.tensor(place), a.shape)]
        yield (
            f"{path}{at}: {a.reshape(-1)[place]:.9g} and {b.reshape(-1)[place]:.9g} "
            f"({len(other)} of {a.numel()} values differ)"
        )
