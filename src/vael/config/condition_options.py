"""Check the options of ``condition`` without importing torch."""

from collections.abc import Callable
from typing import Any

from omegaconf import DictConfig, ListConfig

from vael.errors import ConfigError
from vael.text import did_you_mean

PARTS = ("encoder", "decoder", "prior")
OPTIONS = {
    "none": (),
    "label": ("embedding", *PARTS),
    "factors": ("names", *PARTS),
    "columns": ("names", *PARTS),
}
"""Kinds of a condition, with what each is told."""


def _is_size(value: object) -> bool:
    return value is None or (type(value) is int and value >= 1)


def _are_names(value: object) -> bool:
    if value is None:
        return True
    names = list(value) if isinstance(value, ListConfig) else []
    plain = all(isinstance(name, str | int) for name in names)  # a column may be called 0
    return bool(names) and plain and len(set(names)) == len(names)


TESTS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "embedding": (_is_size, "null or an integer >= 1"),
    "names": (_are_names, "null or a list of different names"),
    **{part: (lambda value: isinstance(value, bool), "true or false") for part in PARTS},
}


def check_condition(config: DictConfig) -> None:
    """Refuse a condition that cannot work; a config without one has none.

    Raises:
        ConfigError: names the setting.
    """
    node = config.get("condition")
    if node is None:
        return
    if not isinstance(node, DictConfig) or node.get("kind") not in OPTIONS:
        kind = node.get("kind") if isinstance(node, DictConfig) else node
        raise ConfigError(
            f"condition must be one of {', '.join(OPTIONS)}, but got {kind!r}: choose with "
            "condition=<option>."
        )
    known = OPTIONS[node.kind]
    for name in map(str, node):
        if name not in ("kind", *known):
            raise ConfigError(
                f"condition.{name} is no option of condition={node.kind}. "
                f"{did_you_mean(name, known, 'It has no options.' if not known else '')}"
            )
    for name in known:
        holds, must = TESTS[name]
        if name not in node or not holds(node[name]):
            raise ConfigError(f"condition.{name} must be {must}, but got {node.get(name)!r}.")
    if node.kind == "columns" and node.names is None:
        raise ConfigError(
            "condition=columns needs the names of columns: condition.names=[age, sex]."
        )
    if known and not any(node[part] for part in PARTS):
        raise ConfigError(
            "condition: one of condition.encoder, condition.decoder and condition.prior must be "
            "true, or nothing depends on it: use condition=none."
        )


def describe_condition(config: DictConfig) -> str | None:
    """Return what a model is told, ``label`` or ``factors (scale, x)``; None: nothing.

    Two numbers may only be compared where this is the same.
    """
    node = config.get("condition")
    if node is None or node.kind == "none":
        return None
    names = node.get("names")
    return (
        str(node.kind) if names is None else f"{node.kind} ({', '.join(sorted(map(str, names)))})"
    )
