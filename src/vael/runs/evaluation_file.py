"""The file evaluation.json: its readers, and its numbers in words."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vael.metrics.catalog import METRICS
from vael.runs.comparability import word_condition
from vael.runs.json_files import read_marked

FILE = "evaluation.json"


def read_evaluation(folder: Path) -> dict[str, Any] | None:
    """Read the last evaluation of a run's folder; None where there is none yet.

    Raises:
        VaelError: the file is not what vael writes.
    """
    return read_marked(folder / FILE, "comparable", "an evaluation", "evaluate again")


def evaluation_text(evaluation: Mapping[str, Any]) -> str:
    """Word the numbers that matter, one a line, with their units and standard errors."""
    split, lines = evaluation["split"], []
    for k, bound in evaluation["bounds"].items():
        for name in ("bpd", "nll"):
            if name in bound:
                spread = bound[f"{name}_se"]  # of a single example: NaN here, null in the file
                error = "" if spread is None or spread != spread else f" +- {spread:.4f}"
                note = f"{METRICS[name].unit}, k = {k}{error}"
                lines.append(_line(f"{split}/{name}", bound[name], note))
    ess = evaluation["ess"]
    if ess is not None:
        note = f"median of k = {evaluation['samples']}; least {ess['min']:.1f}"
        lines.append(_line("effective samples", ess["median"], note))
    for name, metric in METRICS.items():
        if evaluation["scores"].get(name) is not None:
            note = ", ".join(filter(None, (metric.unit, metric.formula.format(split=split))))
            lines.append(_line(f"{split}/{name}", evaluation["scores"][name], note))
    against = evaluation.get("against") or {}
    for name in ("bound", "rate", "distortion", "typicality"):
        if name in against:
            found = against[name]
            spread = found["auroc_se"]
            error = "" if spread is None or spread != spread else f" +- {spread:.4f}"
            lines.append(
                _line(
                    f"against/{name}",
                    found["auroc"],
                    f"AUROC{error}; average precision {found['average_precision']:.4f}, by chance "
                    f"{against['chance']:.4f}",
                )
            )
    lines += word_condition(evaluation["comparable"].get("condition"))
    lines += [f"warning: {text}" for text in evaluation["warnings"]]
    return "\n".join(lines)


def _line(name: str, value: float, note: str) -> str:
    return f"{name:<22}{value:>12.4f}  {note}".rstrip()
