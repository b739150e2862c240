"""Search for the sweep that a dashboard shows."""

from pathlib import Path

from vael.errors import ConfigError
from vael.sweep import plan
from vael.sweep.spec.snapshot import SNAPSHOT, read_snapshot


def find_sweep(given: Path | None, sweeps: Path) -> Path:
    """Find the folder of the given sweep, else of the only one there is.

    Args:
        given: a sweep's file, name or folder; None: whatever is there.
        sweeps: where to look then.

    Raises:
        ConfigError: there is none, or there are several.
    """
    if given is not None:
        if not given.exists() and len(given.parts) > 1:
            raise ConfigError(f"{given} does not exist: give a sweep's file, name or folder.")
        if not given.is_dir():
            return plan.find_started(given)
        read_snapshot(given)
        return given
    found = sorted(path.parent for path in sweeps.glob(f"*/{SNAPSHOT}"))
    if len(found) == 1:
        return found[0]
    if not found:
        raise ConfigError(
            f"there is no sweep in {sweeps} yet: vael sweep FILE starts one, or give a "
            "sweep's file or its folder."
        )
    names = ", ".join(str(path) for path in found)
    raise ConfigError(f"there are several sweeps: give one of {names}.")
