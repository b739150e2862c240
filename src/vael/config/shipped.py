"""Folders that vael brings along, ``conf`` and ``sweeps``, and a ``conf`` of the user's own.

In a checkout they stand at the top, in a wheel inside of the package.
"""

from pathlib import Path

from vael.config.overrides import quote

PACKAGE = Path(__file__).resolve().parents[1]
SEARCHPATH = "hydra.searchpath="


def find_shipped(name: str) -> Path:
    """Return a folder that vael brings along: ``conf`` or ``sweeps``."""
    return next(p for p in (PACKAGE / name, PACKAGE.parents[1] / name) if p.is_dir())


def find_conf() -> Path:
    """Return the folder of train.yaml: ``./conf`` if it has one, else that of vael."""
    own = Path.cwd() / "conf"
    return own if (own / "train.yaml").is_file() else find_shipped("conf")


def find_own_conf() -> Path | None:
    """Return ``./conf`` where it adds options to vael's; None where there is none."""
    own = Path.cwd() / "conf"
    return own if own.is_dir() and own != find_conf() else None


def add_own_conf(overrides: list[str]) -> list[str]:
    """Let Hydra search ``./conf``, too, after the folders that an override names."""
    own = find_own_conf()
    if own is None:
        return overrides
    entry = quote(f"file://{own}")
    given = [word for word in overrides if word.startswith(f"{SEARCHPATH}[")]
    if not given:
        return [*overrides, f"{SEARCHPATH}[{entry}]"]
    both = f"{given[-1].rstrip().removesuffix(']')},{entry}]"
    return [*(word for word in overrides if word not in given), both]


def list_shadowed(choices: dict[str, str]) -> list[Path]:
    """Return the files of ``./conf`` that are not used: vael has an option of the same name."""
    own = find_own_conf()
    if own is None:
        return []
    files = [Path(group, f"{option}.yaml") for group, option in choices.items()]
    return [own / f for f in files if (own / f).is_file() and (find_conf() / f).is_file()]
