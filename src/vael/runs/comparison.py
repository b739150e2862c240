"""Comparison: the numbers of several runs side by side, or the reason why not; no torch."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from vael.config.condition_options import describe_condition
from vael.config.flat import flat_config
from vael.config.yaml import read_yaml
from vael.errors import ConfigError
from vael.metrics.catalog import describe_metric
from vael.runs.comparability import check_comparable, collect_facts
from vael.runs.evaluation_file import read_evaluation
from vael.runs.folder import RunFolder
from vael.runs.summary import read_summary
from vael.text import word_command

Numbers = tuple[Mapping[str, Any], Mapping[str, Any]]
"""Facts, and scores by name."""

WIDTH = 16  # of a column
OTHER_FIT = "not compared: the trained fit, or the likelihood of a density, differs"


def compare_runs(runs: Sequence[Path]) -> str:
    """Tabulate the runs' evaluations; where one has none, their tests, else their validations.

    The settings that differ come first. Of each row the best is marked, where one direction is
    the better one. A row of nats that are different quantities says so: those of a density grow
    without bound as it becomes sharper, and are not those of a mass.

    Raises:
        NotComparableError: other k, levels, binarisation, split, data, or families of a table.
        ConfigError: fewer than two runs, one without numbers, or of another version of vael.
    """
    if len(runs) < 2:
        raise ConfigError("vael compare needs two runs or more.")
    for folder in map(RunFolder, runs):
        if not folder.path.is_dir():
            raise ConfigError(f"{folder.path} does not exist: vael list shows the runs.")
        if folder.is_run:
            folder.require()
    readers = (read_evaluated, read_summed_up, partial(read_summed_up, split="val"))
    every = next((found for read in readers if (found := _read_all(runs, read))), [])
    if not every:
        bare = next(run for run in runs if read_evaluated(run) is None)
        RunFolder(bare).require()
        make = word_command("vael", "evaluate", bare)
        raise ConfigError(f"{bare} has no evaluation.json: {make}.")
    for run, (other_facts, _) in zip(runs[1:], every[1:], strict=True):
        check_comparable(every[0][0], other_facts, (str(runs[0]), str(run)))
    known = every[0][0]
    lines = [f"split {known['split']}, k = {known['k']}, data {known['digest'][:8]}"]
    lines += [f"[{number}] {run}" for number, run in enumerate(runs)]
    head = "".join(f"[{n}]".rjust(WIDTH) for n in range(len(runs)))
    differ = find_other_settings(runs)
    width = max([18, *(len(name) + 2 for name in differ)])
    lines += ["", "settings that differ".ljust(width) + head] if differ else []
    for name, values in differ.items():
        lines.append(name.ljust(width) + "".join(str(v)[: WIDTH - 2].rjust(WIDTH) for v in values))
    lines += ["", "scores, the best with *".ljust(width) + head]
    other_fit = len({read_fit(run) for run in runs}) > 1
    for name in dict.fromkeys(name for _, scores in every for name in scores):
        row = [scores.get(name) for _, scores in every]
        refused = other_fit and describe_metric(name).of_fit
        note = OTHER_FIT if refused else _describe(name)
        lines.append(f"{name.ljust(width)}{_cells(name, row, not refused)}  {note}".rstrip())
    return "\n".join(lines)


def _cells(name: str, row: Sequence[float | None], ranked: bool) -> str:
    """Format the numbers of a row, with a star at the best where they differ."""
    there = [value for value in row if value is not None]
    better = describe_metric(name).better
    best = None
    if ranked and better and len(set(there)) > 1:
        best = min(there) if better == "lower" else max(there)
    marks = ("*" if value is not None and value == best else " " for value in row)
    texts = ("-" if value is None else f"{value:.4f}" for value in row)
    return "".join(f"{text}{mark}".rjust(WIDTH) for text, mark in zip(texts, marks, strict=True))


def _describe(name: str) -> str:
    metric = describe_metric(name)
    better = f"{metric.better} is better" if metric.better else ""
    return ", ".join(part for part in (metric.unit, better) if part)


def find_other_settings(runs: Sequence[Path]) -> dict[str, list[object]]:
    """Return the settings in which runs differ, with the value of each run."""
    flats = [_flat(run) for run in runs]
    names = sorted({name for flat in flats for name in flat})
    values = {name: [flat.get(name, "-") for flat in flats] for name in names}
    return {n: v for n, v in values.items() if any(one != v[0] for one in v) and not _is_place(n)}


def _is_place(name: str) -> bool:
    """Whether a setting says where a run is, or repeats what another one has chosen."""
    ours = name in ("command", "name", "output_dir") or name.startswith("sweep.")
    return ours or name.endswith("_target_")


def _flat(run: Path) -> dict[str, Any]:
    if not RunFolder(run).is_run:
        return {}
    config = read_yaml(RunFolder(run).config)
    return flat_config(config) if isinstance(config, DictConfig) else {}


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
    scores = {**read["bounds"].get(str(read["samples"]), {}), **read["scores"]}
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
    assert isinstance(config, DictConfig)
    known = collect_facts(
        split=split,
        k=summary["samples"][split],
        score=summary["target"].removeprefix("val/"),
        digest=summary["data_digest"],
        binarize=config.data.binarize,
        family=summary["family"],
        condition=describe_condition(config),
    )
    return known, scores
