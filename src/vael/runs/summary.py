"""The file summary.json: its fields, its readers, and its scores in words."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from vael.files import write_json
from vael.metrics.catalog import Target, published_scores
from vael.runs.comparability import word_condition
from vael.runs.json_files import peek_json, read_marked
from vael.runs.metrics_csv import EPOCH

FILE = "summary.json"
Status = Literal["finished", "failed", "interrupted", "pruned"]
ENDED: tuple[Status, ...] = ("finished", "pruned")  # there is nothing left to train


@dataclass
class Summary:
    """The contract of ``RUN/summary.json``; what is unknown of a killed run keeps its default.

    Attributes:
        metrics: the scores of the epoch with the best target, and ``test/*`` of its weights.
        samples: k, importance samples per example behind ``val/*`` and ``test/*``.
        fit: ``mass`` or ``density``: what the likelihood was trained to explain.
        family: of the likelihood.
        condition: what a conditional model is told: all scores are given it.
        weights: which weights were scored and are in the best checkpoint: ``raw`` or ``ema``.
        seconds: of all attempts; what a kill has lost is not counted.
        step: how the last attempt took its steps: ``captured`` in a CUDA graph, ``grouped``, or
            ``single`` through Lightning.
        compiled: whether its loss was compiled: asked for, and found to be right.
        skipped_steps: steps left out by trainer.skip_gradient_above.
        data: what it is, in one line.
        data_notes: what was taken for what when its files were read, and what was left out.
        data_card: source and licence of a known data set, and whether this copy is the known one.
        data_digest: content key of the data with its splits and options.
        machine: processor, instructions, GPU and system: the last bits depend on them.
        checkpoint_digest: hash of the file ``best_checkpoint``, whose weights were scored.
    """

    status: Status = "failed"
    reason: str | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    target: str | None = None
    samples: dict[str, int] = field(default_factory=dict)
    fit: str | None = None
    family: str | None = None
    condition: str | None = None
    epochs: int = 0
    steps: int = 0
    seconds: float = 0.0
    examples_per_second: float | None = None
    parameters: int | None = None
    seed: int | None = None
    devices: int | None = None
    accelerator: str | None = None
    threads: int | None = None
    data: str | None = None
    data_notes: list[str] = field(default_factory=list)
    data_card: str | None = None
    data_digest: str | None = None
    git_sha: str | None = None
    versions: dict[str, str] = field(default_factory=dict)
    command: str = ""
    best_checkpoint: str | None = None
    best_epoch: int | None = None
    weights: str | None = None
    step: str | None = None
    compiled: bool = False
    skipped_steps: int = 0
    machine: dict[str, str | None] = field(default_factory=dict)
    checkpoint_digest: str | None = None
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, read: Mapping[str, Any]) -> "Summary":
        """Build a summary from a file's content; unknown fields are left out."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in read.items() if name in known})

    def take_scores(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Take the scores of the best epoch out of the rows of metrics.csv."""
        scored = [row for row in rows if self.target in row]
        if not scored:
            return
        best = dict(Target(str(self.target)).best(scored))
        self.best_epoch = int(best.pop(EPOCH))
        self.metrics = best
        rate = "train/examples_per_second"
        rates = [row[rate] for row in scored if rate in row]
        self.examples_per_second = statistics.median(rates) if rates else None

    def write(self, folder: Path) -> None:
        """Write summary.json whole."""
        write_json(folder / FILE, asdict(self))


CIRCUMSTANCES = {
    "reason", "seconds", "examples_per_second", "devices", "accelerator", "threads", "git_sha",
    "data", "data_notes", "data_card", "versions", "command", "step", "compiled", "machine",
    "checkpoint_digest",  # its file names the folder
}  # fmt: skip
REPEATED = tuple(each.name for each in fields(Summary) if each.name not in CIRCUMSTANCES)
"""The fields in which a repeated run is the same to the bit."""


def read_summary(folder: Path) -> dict[str, Any] | None:
    """Read the summary of a run's folder; None where there is none yet.

    Raises:
        VaelError: the file is not what vael writes.
    """
    return read_marked(folder / FILE, "status", "a summary", "remove it to go on")


def peek_summary(folder: Path) -> dict[str, Any]:
    """Read whatever there is of a summary; empty where it cannot be read."""
    return peek_json(folder / FILE)


def pick_scores(summary: Mapping[str, Any], splits: Sequence[str] = ("val",)) -> dict[str, float]:
    """Return the finite scores of these splits."""
    metrics = summary.get("metrics")
    pairs = metrics.items() if isinstance(metrics, Mapping) else ()
    found = {
        str(name): finite_number(value) for name, value in pairs if name.split("/")[0] in splits
    }
    return {name: value for name, value in found.items() if value is not None}


def finite_number(value: object) -> float | None:
    """Return a finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def summary_text(summary: Mapping[str, Any]) -> str:
    """Word the test scores, else those of validation, one a line, with units and samples."""
    metrics = summary["metrics"]
    split = "test" if any(name.startswith("test/") for name in metrics) else "val"
    lines = []
    for metric in published_scores():
        name = f"{split}/{metric.name}"
        if metrics.get(name) is not None:
            k = f", k = {summary['samples'][split]}" if metric.sampled else ""
            note = metric.unit + k
            lines.append(f"{name:<20}{metrics[name]:>12.4f}  {note}".rstrip())
    return "\n".join([*lines, *word_condition(summary.get("condition"))])
