"""Floor 9: the numbers of several runs side by side, or the reason why not; no torch."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vael.config.yaml import read_yaml
from vael.errors import ConfigError
from vael.evaluation.comparable import check_comparable, facts
from vael.evaluation.record import read_evaluation
from vael.metrics.catalog import describe_metric
from vael.status import read_summary

Numbers = tuple[Mapping[str, Any], Mapping[str, Any]]
"""Facts, and scores by name."""

OTHER_FIT = "not compared: the trained fit, or the likelihood of a density, differs"


def side_by_side(runs: Sequence[Path]) -> str:
    """A table of the runs' evaluations, or where one has none, of their summaries.

    A row of nats that are different quantities says so: those of a density grow without bound as
    it becomes sharper, and are not those of a mass.

    Raises:
        NotComparableError: other k, levels, binarisation, split, data, or families of a table.
        ConfigError: fewer than two runs, or one without numbers.
    """
    if len(runs) < 2:
        raise ConfigError("vael compare needs two runs or more.")
    every = _all(runs, evaluated) or _all(runs, summed_up)
    if every is None:
        bare = next(run for run in runs if evaluated(run) is None)
        raise ConfigError(f"{bare} has no evaluation.json: vael evaluate {bare}.")
    for run, (other_facts, _) in zip(runs[1:], every[1:], strict=True):
        check_comparable(every[0][0], other_facts, (str(runs[0]), str(run)))
    known = every[0][0]
    lines = [f"split {known['split']}, k = {known['k']}, data {known['digest'][:8]}"]
    lines += [f"[{number}] {run}" for number, run in enumerate(runs)]
    lines.append("".ljust(18) + "".join(f"[{n}]".rjust(14) for n in range(len(runs))))
    other_fit = len({_fit(run, numbers[0]) for run, numbers in zip(runs, every, strict=True)}) > 1
    for name in dict.fromkeys(name for _, scores in every for name in scores):
        cells = (scores.get(name) for _, scores in every)
        row = "".join(("-" if cell is None else f"{cell:.4f}").rjust(14) for cell in cells)
        refused = other_fit and describe_metric(name).of_fit
        lines.append(name.ljust(18) + row + (f"  {OTHER_FIT}" if refused else ""))
    return "\n".join(lines)


def _fit(run: Path, known: Mapping[str, Any]) -> str:
    """``mass``, or of which family a density is; empty where nothing says it."""
    read = read_evaluation(run)
    if read is not None and "fit" in read:
        fit, family = read["fit"], read["family"]
    elif (run / "config.yaml").is_file():
        likelihood = read_yaml(run / "config.yaml").likelihood
        fit, family = likelihood.get("fit", "auto"), _family(likelihood)
        if fit == "auto":
            fit = "mass" if known["score"] == "bpd" else "density"
    else:
        return ""
    return "mass" if fit == "mass" else f"density of {family}"


def _family(likelihood: Any) -> str:
    return str(likelihood["_target_"]).rpartition(".")[2].lower()


def _all(runs: Sequence[Path], read: Callable[[Path], Numbers | None]) -> list[Numbers] | None:
    found = [read(run) for run in runs]
    every = [numbers for numbers in found if numbers is not None]
    return every if len(every) == len(found) else None


def evaluated(run: Path) -> Numbers | None:
    """What evaluation.json says; None where there is none."""
    read = read_evaluation(run)
    if read is None:
        return None
    scores = {**read["bounds"][str(read["samples"])], **read["scores"]}
    return read["comparable"], scores


def summed_up(run: Path, split: str = "test") -> Numbers | None:
    """What summary.json says of a split; None where it says nothing."""
    summary = read_summary(run)
    if summary is None or not any(name.startswith(f"{split}/") for name in summary["metrics"]):
        return None
    config = read_yaml(run / "config.yaml")
    known = facts(
        split=split,
        k=summary["samples"][split],
        score=summary["target"].removeprefix("val/"),
        digest=summary["data_digest"],
        binarize=config.data.binarize,
        family=_family(config.likelihood),
    )
    return known, {
        name.removeprefix(f"{split}/"): value
        for name, value in summary["metrics"].items()
        if name.startswith(f"{split}/")
    }
