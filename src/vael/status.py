"""Floor 0: what summary.json says, read without importing torch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vael.errors import VaelError

UNITS = {
    "test/bpd": "bits/dim", "test/iwae": "nats", "test/elbo": "nats", "test/rate": "nats",
    "test/distortion": "nats", "test/psnr": "dB", "test/mse": "",
    "test/active_units": "latent dimensions",
}  # fmt: skip
WITH_SAMPLES = ("test/bpd", "test/iwae")


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


def as_text(summary: Mapping[str, Any]) -> str:
    """The test scores, one a line, with their units and number of samples."""
    metrics = summary["metrics"]
    lines = []
    for name, unit in UNITS.items():
        if metrics.get(name) is not None:
            note = f"{unit}, k = {summary['samples']['test']}" if name in WITH_SAMPLES else unit
            lines.append(f"{name:<20}{metrics[name]:>12.4f}  {note}".rstrip())
    return "\n".join(lines)
