"""What was searched: the space, the fixed settings, the sampler, the pruner and the seeds."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from vael.config.yaml import read_yaml
from vael.errors import ConfigError
from vael.sweep.spec.snapshot import SNAPSHOT
from vael.sweep.spec.verdict import FEW_SEEDS, MORE_SEEDS

Pair = tuple[str, str]


def list_searched(folder: Path) -> tuple[list[Pair], list[Pair]]:
    """Return the space, setting by setting, and how it was searched; empty where nothing says it.

    Args:
        folder: of the sweep.
    """
    try:
        plain = OmegaConf.to_container(read_yaml(folder / SNAPSHOT), resolve=False)
    except ConfigError:
        return [], []
    if not isinstance(plain, Mapping):
        return [], []
    return list(_space(plain)), list(_search(plain))


def _space(plain: Mapping[Any, Any]) -> Iterator[Pair]:
    for path, text in _mapping(plain.get("space")).items():
        yield str(path), str(text)
    for condition, more in _mapping(plain.get("when")).items():
        for path, text in _mapping(more).items():
            yield str(path), f"{text}, where {condition}"


def _search(plain: Mapping[Any, Any]) -> Iterator[Pair]:
    for name, key in (
        ("sampler", "sampler"),
        ("pruner", "pruner"),
        ("seed of the search", "seed"),
    ):
        value = plain.get(key)
        target = value.get("_target_", "") if isinstance(value, Mapping) else value
        yield name, "none" if target is None else str(target)
    confirm = plain.get("confirm")
    seeds = f"{MORE_SEEDS}, or {FEW_SEEDS} where a run takes a minute"
    yield "fresh seeds for the best", seeds if confirm is None else str(confirm)
    bounds = plain.get("constraint")
    if isinstance(bounds, list) and bounds:
        yield "constraint", ", ".join(map(str, bounds))
    overrides = plain.get("overrides")
    if isinstance(overrides, list) and overrides:
        yield "the same for all trials", " ".join(map(str, overrides))


def _mapping(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}
