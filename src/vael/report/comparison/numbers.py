"""Compare the numbers of two runs: their difference, and whether they may be compared."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vael.errors import ConfigError
from vael.metrics.catalog import METRICS, Metric, describe_metric, name_fit
from vael.report.contents import RunContents
from vael.report.numbers import format_number
from vael.runs.comparability import NotComparableError, check_comparable
from vael.runs.comparison import OTHER_FIT, Numbers, read_evaluated, read_fit, read_summed_up
from vael.text import word_command

UNSHOWN = ("overfitting_examples",)


@dataclass(frozen=True)
class ComparisonRow:
    """A metric of both runs; ``better`` is A, B, equal or nothing."""

    metric: Metric
    values: tuple[str, str]
    difference: str = ""
    better: str = ""
    note: str = ""


@dataclass(frozen=True)
class ComparisonGroup:
    """Numbers of one origin; ``refused`` says why they must not be compared, or is empty."""

    title: str
    about: str
    refused: str
    rows: Sequence[ComparisonRow]


def compare_scores(
    paths: tuple[Path, Path], runs: tuple[RunContents, RunContents]
) -> list[ComparisonGroup]:
    """Compare evaluation, test and validation, where a run has numbers of them.

    Raises:
        VaelError: a summary.json or evaluation.json that cannot be read.
    """
    fits = [str(run.summary.get("fit") or "") for run in runs]
    other_fit = read_fit(paths[0]) != read_fit(paths[1])
    fit = fits[0] if fits[0] == fits[1] else ""
    known = [name_fit(metric, fit) for metric in METRICS.values()]
    made = []
    for title, split, lacking in (
        ("Evaluation", "", "no evaluation.json: {command}"),
        ("Test", "test", "no test scores in its summary.json"),
        ("Validation", "val", "no validation scores in its summary.json"),
    ):
        found = [_read(path, split) for path in paths]
        present = [numbers for numbers in found if numbers]
        if not present:
            continue
        missing = [
            f"{name} has {lacking.format(command=word_command('vael', 'evaluate', path))}."
            for name, path, numbers in zip("AB", paths, found, strict=True)
            if numbers is None
        ]
        refused = missing[0] if missing else _refusal(*present)
        scores = [numbers[1] if numbers else {} for numbers in found]
        rows = [_row(metric, scores, refused, other_fit) for metric in _present(known, scores)]
        about = "" if refused else _about(present[0])
        made.append(ComparisonGroup(title, about, refused, rows))
    return made


def _read(path: Path, split: str) -> Numbers | None:
    try:
        return read_summed_up(path, split) if split else read_evaluated(path)
    except (AttributeError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path} is not what vael writes: its config.yaml, summary.json or "
            f"evaluation.json lacks something ({error})."
        ) from error


def _refusal(a: Numbers, b: Numbers) -> str:
    try:
        check_comparable(a[0], b[0], ("A", "B"))
    except NotComparableError as error:
        return str(error)
    return ""


def _about(numbers: Numbers) -> str:
    facts = numbers[0]
    return f"split {facts['split']}, k = {facts['k']}, data {str(facts['digest'])[:8]}"


def _present(known: Sequence[Metric], scores: Sequence[Mapping[str, object]]) -> list[Metric]:
    """Return the metrics that a run has; unknown ones have but their name."""
    names = dict.fromkeys(
        name for one in scores for name in one if not name.endswith("_se") and name not in UNSHOWN
    )
    unknown = names.keys() - {metric.name for metric in known}
    return [
        *(metric for metric in known if metric.name in names),
        *(describe_metric(name) for name in names if name in unknown),
    ]


def _row(
    metric: Metric, scores: Sequence[Mapping[str, object]], refused: str, other_fit: bool
) -> ComparisonRow:
    one, two = (_number(of_run.get(metric.name)) for of_run in scores)
    values = (format_number(one), format_number(two))
    if refused or one is None or two is None or not math.isfinite(two - one):
        return ComparisonRow(metric, values)
    if other_fit and metric.of_fit:
        return ComparisonRow(metric, values, note=OTHER_FIT)
    away = two - one
    difference = ("+" if away > 0 else "") + format_number(away)
    better = "equal" if away == 0 else ""
    if away and metric.better:
        better = "B" if (away < 0) == (metric.better == "lower") else "A"
    return ComparisonRow(metric, values, difference, better)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
