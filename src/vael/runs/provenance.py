"""Record which code, packages and hardware numbers come from, and compare that with today's."""

import hashlib
import importlib.metadata
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vael.config.flat import Difference, compare_settings

NOT_RECORDED = "not recorded"
PACKAGES = ("vael", "torch", "pytorch-lightning", "torchmetrics", "hydra-core", "wandb", "numpy")
CODE_PACKAGES = ("vael", "torch", "pytorch-lightning", "numpy")  # that a study is bound to
SOURCE = Path(__file__).resolve().parents[1]
# no trial imports them; all else counts as what it trains with
NOT_TRAINING = frozenset({"cli", "evaluation", "pretrained", "sweep"})
NUMBERLESS = NOT_TRAINING | {"report"}  # a trial draws with it, which changes none of its numbers


def compare_environment(recorded: Mapping[str, Any]) -> list[Difference]:
    """Return where versions, code and hardware differ from those of a summary or evaluation."""
    packages: dict[str, Any] = recorded.get("versions", {})
    hardware: dict[str, Any] = recorded.get("machine", {})
    then = {
        **packages,
        "commit": recorded.get("git_sha", NOT_RECORDED),
        **{name: hardware.get(name, NOT_RECORDED) for name in describe_machine()},
    }
    now = {**package_versions(), "commit": git_sha(), **describe_machine()}
    return [
        Difference(name, then.get(name, NOT_RECORDED), value)
        for name, value in now.items()
        if then.get(name, NOT_RECORDED) != value
    ]


def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that the numbers depend on."""
    found = {package: importlib.metadata.version(package) for package in PACKAGES}
    return {"python": platform.python_version(), **found}


def git_sha() -> str | None:
    """Return the commit of the checkout that vael runs from; ``+`` where it was changed."""
    sha = _git("rev-parse", "HEAD")
    changed = _git("status", "--porcelain", "-uno")
    return None if sha is None or changed is None else sha + ("+" if changed else "")


def _git(*arguments: str) -> str | None:
    try:
        ran = subprocess.run(
            ["git", *arguments], cwd=SOURCE, capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return ran.stdout.strip()


def file_digest(path: Path) -> str:
    """Return a hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def describe_machine() -> dict[str, str | None]:
    """Return the processor, its vector instructions as torch uses them, GPU and system."""
    import torch

    return {
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> str | None:
    listed = Path("/proc/cpuinfo")
    if listed.is_file():  # Linux; platform.processor() is empty there
        for line in listed.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or None


def code_version() -> dict[str, str]:
    """Return the commit, a digest of what trains (sources and conf), and the packages."""
    found = {name: importlib.metadata.version(name) for name in CODE_PACKAGES}
    return {"git": _git("rev-parse", "--short=12", "HEAD") or "none", "source": _digest(), **found}


def code_changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Say what has changed between two versions; the commit alone changes nothing."""
    found = compare_settings(before, now, "none")
    return [f"{one.what} {one.then} -> {one.now}" for one in found if one.what != "git"]


def _digest() -> str:
    from vael.config.shipped import find_conf, find_own_conf  # with Hydra: a training needs none

    state = hashlib.blake2b(digest_size=6)
    own = find_own_conf()
    folders = [find_conf(), *([own] if own else [])]
    for root, pattern in ((SOURCE, "*.py"), *((folder, "*.yaml") for folder in folders)):
        for path in sorted(root.rglob(pattern)):
            local = path.relative_to(root)
            if root == SOURCE and local.parts[0].removesuffix(".py") in NUMBERLESS:
                continue
            state.update(f"{local}\0".encode() + path.read_bytes())
    return state.hexdigest()
