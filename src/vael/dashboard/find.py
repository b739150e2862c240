"""Floor 10: which sweep a dashboard shows."""

from pathlib import Path

from vael.errors import ConfigError
from vael.sweep import frozen, plan

DEFAULT = "latent_beta_likelihood"  # of `make sweep`


def find_sweep(given: Path | None, sweeps: Path = Path("outputs/sweeps")) -> Path:
    """The folder of the given sweep, else of the default one, else of the only one there is.

    Args:
        given: a sweep's file or its folder; None: whatever is there.
        sweeps: where to look then.

    Raises:
        ConfigError: there is none, or there are several and no default one.
    """
    if given is not None:
        if not given.exists():
            raise ConfigError(f"{given} does not exist: give a sweep's file or its folder.")
        return plan.existing(given) if given.is_file() else _checked(given)
    found = sorted(path.parent for path in sweeps.glob(f"*/{frozen.NAME}"))
    default = [path for path in found if path.name == DEFAULT]
    if len(found) == 1 or default:
        return (default or found)[0]
    if not found:
        raise ConfigError(
            f"there is no sweep in {sweeps} yet: make sweep starts one, or give a "
            "sweep's file or its folder."
        )
    names = ", ".join(str(path) for path in found)
    raise ConfigError(f"there are several sweeps: give one of {names}.")


def _checked(folder: Path) -> Path:
    frozen.read(folder)
    return folder
