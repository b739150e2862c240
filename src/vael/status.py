"""Floor 0: what summary.json says, read without importing torch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vael.errors import VaelError
from vael.metrics.catalog import published_scores


def read_summary(folder: Path) -> dict[str, Any] | None:
    """The summary of a run's folder, or None where there is none yet.

    Raises:
        VaelError: the file is not what vael writes.
    """
    path = folder / "summary.json"
    if not path.exists():
        return None
    try:
        read = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise VaelError(f"{path} cannot be read ({error}): remove it to go on.") from error
    if not isinstance(read, dict) or "status" not in read:
        raise VaelError(f"{path} is not a summary of vael: remove it to go on.")
    return read


def unfinished(folder: Path) -> str | None:
    """What to say of a run's folder whose training has not ended; None for all else."""
    if not (folder / "config.yaml").is_file() or not (folder / "checkpoints").is_dir():
        return None
    summary = read_summary(folder)
    status = "running, or was killed" if summary is None else str(summary["status"])
    if status in ("finished", "pruned"):
        return None
    return f"{folder} is not finished ({status}): this is its checkpoint so far."


def as_text(summary: Mapping[str, Any]) -> str:
    """The test scores, else those of validation, one a line, with units and number of samples."""
    metrics = summary["metrics"]
    split = "test" if any(name.startswith("test/") for name in metrics) else "val"
    lines = []
    for metric in published_scores():
        name = f"{split}/{metric.name}"
        if metrics.get(name) is not None:
            k = f", k = {summary['samples'][split]}" if metric.sampled else ""
            note = metric.unit + k
            lines.append(f"{name:<20}{metrics[name]:>12.4f}  {note}".rstrip())
    return "\n".join(lines)
