"""Floor 10: which code a study's numbers come from."""

import hashlib
import importlib.metadata
import subprocess
from collections.abc import Mapping
from pathlib import Path

from vael.compose import find_conf

PACKAGES = ("vael", "torch", "pytorch-lightning", "numpy")
SOURCE = Path(__file__).resolve().parents[1]
NOT_TRAINING = ("sweep", "report", "cli.py")  # what they do changes no trial's numbers


def version() -> dict[str, str]:
    """The commit, a digest of what trains (sources and conf), and the packages."""
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"git": _commit(), "source": _digest(), **found}


def differing(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What has changed between two versions, in words; the commit alone changes nothing."""
    names = [name for name in (*before, *now) if name != "git"]
    return [
        f"{name} {before.get(name, 'none')} -> {now.get(name, 'none')}"
        for name in dict.fromkeys(names)
        if before.get(name) != now.get(name)
    ]


def _digest() -> str:
    state = hashlib.blake2b(digest_size=6)
    conf = find_conf()
    for root, pattern in ((SOURCE, "*.py"), (conf, "*.yaml")):
        for path in sorted(root.rglob(pattern)):
            local = path.relative_to(root)
            if root == SOURCE and local.parts[0] in NOT_TRAINING:
                continue
            state.update(f"{local}\0".encode() + path.read_bytes())
    return state.hexdigest()


def _commit() -> str:
    try:
        ran = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],
            cwd=SOURCE,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return "none"
    return ran.stdout.strip()
