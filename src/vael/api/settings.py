"""Settings as keyword arguments, turned into words of a command line."""

import json
import os
from collections.abc import Mapping
from typing import Any

from vael.config.overrides import STRUCTURE, quote
from vael.errors import ConfigError


def write_settings(settings: Mapping[str, Any]) -> list[str]:
    """Return ``name=value`` for each setting, in Hydra's grammar.

    Raises:
        ConfigError: a value that no YAML holds.
    """
    return [f"{name}={_write(name, value)}" for name, value in settings.items()]


def _write(name: str, value: Any, inside: bool = False) -> str:
    """Write a value; a text that stands alone may be in Hydra's grammar: ``"[8, 9]"``."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str):
        plain = not STRUCTURE & set(value) or value[0] in "[{'\""
        return value if plain and not inside else quote(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_write(name, each, True) for each in value)}]"
    if isinstance(value, Mapping):
        pairs = (f"{key}: {_write(name, each, True)}" for key, each in value.items())
        return f"{{{', '.join(pairs)}}}"
    try:
        return json.dumps(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, RuntimeError) as error:
        array = "; vael.fit trains on an array" if name == "data" else ""
        raise ConfigError(
            f"{name} must be a number, a text, a path, a list, a mapping, True, False or None, "
            f"but got a {type(value).__name__}{array}."
        ) from error
