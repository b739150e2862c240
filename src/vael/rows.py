"""Floor 0: the rows of metrics.csv, read back whole or not at all."""

import csv
import io
from pathlib import Path

from vael.errors import ConfigError


def read_rows(path: Path) -> dict[int, dict[str, float]]:
    """What was logged, by optimiser step; empty cells are left out, no file is no rows.

    Raises:
        ConfigError: the file is not as vael wrote it, which writes it whole or not at all.
    """
    if not path.exists():
        return {}
    found: dict[int, dict[str, float]] = {}
    try:
        text = path.read_bytes().decode()
        if text and not text.endswith("\n"):
            raise ValueError("its last line has no end")
        for row in csv.DictReader(io.StringIO(text, newline=""), strict=True):
            if None in row or None in row.values():
                raise ValueError("its rows differ in length")
            step = int(row.pop("step"))
            found[step] = {name: float(cell) for name, cell in row.items() if cell}
    except (OSError, ValueError, KeyError, csv.Error) as error:
        reason = " ".join(str(error).split())[:100]
        raise ConfigError(
            f"{path} is damaged ({reason}), and a run that goes on adds to it. Put it back, or "
            "delete it to go on without what was logged so far."
        ) from error
    return found
