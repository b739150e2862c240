"""Comparison: the numbers of several runs side by side, or the reason why not; no torch."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vael.config.yaml import read_yaml
from vael.errors import ConfigError
from vael.metrics.catalog import describe_metric
from vael.runs.comparability import check_comparable, collect_facts
from vael.runs.evaluation_file import read_evaluation
from vael.runs.folder import RunFolder
from vael.runs.summary import read_summary

Numbers = tuple[Mapping[str, Any], Mapping[str, Any]]
"""Facts, and scores by name."""

OTHER_FIT = "not compared: the trained fit, or the likelihood of a density, differs"


def compare_runs(runs: Sequence[Path]) -> str:
    """Tabulate the runs' evaluations, or where one has none, their summaries.

    A row of nats that are different quantities says so: those of a density grow without bound as
    it becomes sharper, and are not those of a mass.

    Raises:
        NotComparableError: other k, levels, binarisation, split, data, or families of a table.
        ConfigError: fewer than two runs, one without numbers, or of another version of vael.
    """
    if len(runs) < 2:
        raise ConfigError("vael compare needs two runs or more.")
    for folder in map(RunFolder, runs):
        if folder.is_run:
            folder.require()
    every = _read_all(runs, read_evaluated) or _read_all(runs, read_summed_up)
    if not every:
        bare = next(run for run in runs if read_evaluated(run) is None)
        raise ConfigError(f"{bare} has no evaluation.json: vael evaluate {bare}.")
    for run, (other_facts, _) in zip(runs[1:], every[1:], strict=True):
        check_comparable(every[0][0], other_facts, (str(runs[0]), str(run)))
    known = every[0][0]
    lines = [f"split {known['split']}, k = {known['k']}, data {known['digest'][:8]}"]
    lines += [f"[{number}] {run}" for number, run in enumerate(runs)]
    lines.append("".ljust(18) + "".join(f"[{n}]".rjust(14) for n in range(len(runs))))
    other_fit = len({read_fit(run) for run in runs}) > 1
    for name in dict.fromkeys(name for _, scores in every for name in scores):
        cells = (scores.get(name) for _, scores in every)
        row = "".join(("-" if cell is None else f"{cell:.4f}").rjust(14) for cell in cells)
        refused = other_fit and describe_metric(name).of_fit
        lines.append(name.ljust(18) + row + (f"  {OTHER_FIT}" if refused else ""))
    return "\n".join(lines)


def read_fit(run: Path) -> str:
    """Return ``mass``, or of which family a density is; empty where nothing says it."""
    read = read_evaluation(run) or read_summary(run) or {}
    fit, family = read.get("fit"), read.get("family")
    return f"density of {family}" if fit == "density" else str(fit or "")


def _read_all(runs: Sequence[Path], read: Callable[[Path], Numbers | None]) -> list[Numbers]:
    """Return the numbers of all runs; none where one has none."""
    every = [numbers for run in runs if (numbers := read(run)) is not None]
    return every if len(every) == len(runs) else []


def read_evaluated(run: Path) -> Numbers | None:
    """Return the facts and scores of evaluation.json; None where there is none."""
    read = read_evaluation(run)
    if read is None:
        return None
    scores = {**read["bounds"][str(read["samples"])], **read["scores"]}
    return read["comparable"], scores


def read_summed_up(run: Path, split: str = "test") -> Numbers | None:
    """Return the facts and scores of a split in summary.json; None where it has none."""
    summary = read_summary(run) or {"metrics": {}}
    scores = {
        name.removeprefix(f"{split}/"): value
        for name, value in summary["metrics"].items()
        if name.startswith(f"{split}/")
    }
    if not scores:
        return None
    config = read_yaml(RunFolder(run).config)
    known = collect_facts(
        split=split,
        k=summary["samples"][split],
        score=summary["target"].removeprefix("val/"),
        digest=summary["data_digest"],
        binarize=config.data.binarize,
        family=summary["family"],
    )
    return known, scores
