"""Flatten a config to dotted names, and compare two of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf


@dataclass(frozen=True)
class Difference:
    """A thing that is not what it was.

    Attributes:
        what: its name.
        then: when the number was made.
        now: in this process.
    """

    what: str
    then: object
    now: object

    def __str__(self) -> str:
        return f"{self.what} was {self.then}, and is {self.now}"


def flat_config(config: DictConfig) -> dict[str, Any]:
    """Return settings by dotted name, as on the command line; a group's name has its choice."""
    container = OmegaConf.to_container(config)
    assert isinstance(container, dict)
    choices = container.pop("choices", {})
    assert isinstance(choices, dict)
    chosen = {str(group).replace("/", "."): choice for group, choice in choices.items()}
    return flatten(container) | chosen


def flatten(node: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the values of nested mappings by dotted names."""
    return dict(list_leaves(node, inside=dict))


def list_leaves(
    node: Any, path: str = "", inside: type | tuple[type, ...] = (dict, list)
) -> Iterator[tuple[str, object]]:
    """Yield each value of nested mappings, and of lists, with its dotted place."""
    if not isinstance(node, inside):
        yield path, node
        return
    pairs = node.items() if isinstance(node, dict) else enumerate(node)  # type: ignore[arg-type]
    for name, value in pairs:
        yield from list_leaves(value, f"{path}.{name}".lstrip("."), inside)


def compare_configs(then: DictConfig, now: DictConfig, where: str = "") -> list[Difference]:
    """Compare two configs by the dotted names of their settings; the command is none.

    Args:
        then: as they were.
        now: as they are.
        where: said after each name.
    """
    before, after = (flat_config(OmegaConf.merge(c)) for c in (then, now))  # type: ignore[arg-type]
    suffix = f" ({where})" if where else ""
    found = compare_settings(before, after)
    return [Difference(f"{d.what}{suffix}", d.then, d.now) for d in found]


def compare_settings(
    before: Mapping[str, Any], after: Mapping[str, Any], absent: object = None
) -> list[Difference]:
    """Compare values by name; ``absent`` stands for one that is not there."""
    names = sorted((before.keys() | after.keys()) - {"command"})
    found = [Difference(n, before.get(n, absent), after.get(n, absent)) for n in names]
    return [d for d in found if d.then != d.now]
