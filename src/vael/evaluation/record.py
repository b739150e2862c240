"""Floor 9: what evaluation.json says, read without importing torch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vael.errors import VaelError
from vael.metrics.catalog import METRICS

FILE = "evaluation.json"


def read_evaluation(folder: Path) -> dict[str, Any] | None:
    """The last evaluation of a run's folder, or None where there is none yet.

    Raises:
        VaelError: the file is not what vael writes.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        read = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise VaelError(f"{path} cannot be read ({error}): evaluate again.") from error
    if not isinstance(read, dict) or "comparable" not in read:
        raise VaelError(f"{path} is not an evaluation of vael: evaluate again.")
    return read


def as_text(evaluation: Mapping[str, Any]) -> str:
    """The numbers that matter, one a line, with their units and standard errors."""
    split, lines = evaluation["split"], []
    for k, bound in evaluation["bounds"].items():
        for name in ("bpd", "nll"):
            if name in bound:
                spread = bound[f"{name}_se"]  # of a single example: NaN here, null in the file
                error = "" if spread is None or spread != spread else f" +- {spread:.4f}"
                lines.append(
                    _line(f"{split}/{name}", bound[name], f"{METRICS[name].unit}, k = {k}{error}")
                )
    ess = evaluation["ess"]
    lines.append(
        _line(
            "effective samples",
            ess["median"],
            f"median of k = {evaluation['samples']}; least {ess['min']:.1f}",
        )
    )
    for name, metric in METRICS.items():
        if evaluation["scores"].get(name) is not None:
            note = ", ".join(filter(None, (metric.unit, metric.formula.format(split=split))))
            lines.append(_line(f"{split}/{name}", evaluation["scores"][name], note))
    lines += [f"warning: {text}" for text in evaluation["warnings"]]
    return "\n".join(lines)


def _line(name: str, value: float, note: str) -> str:
    return f"{name:<22}{value:>12.4f}  {note}".rstrip()
