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
    return [f"{name}={write_value(name, value)}" for name, value in settings.items()]


def write_value(name: str, value: Any, inside: bool = False) -> str:
    """Return a value in Hydra's grammar.

    Args:
        name: of the setting, for the message.
        value: a plain value; a text that stands alone may be in that grammar: ``"[8, 9]"``.
        inside: of a list or a mapping, where a text is one.

    Raises:
        ConfigError: a value that no YAML holds.
    """
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str):
        plain = not STRUCTURE & set(value) or value[0] in "[{'\""
        return value if plain and not inside else quote(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(write_value(name, each, True) for each in value)}]"
    if isinstance(value, Mapping):
        pairs = (f"{key}: {write_value(name, each, True)}" for key, each in value.items())
        return f"{{{', '.join(pairs)}}}"
    try:
        return json.dumps(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, RuntimeError) as error:
        array = "; vael.fit trains on an array" if name == "data" else ""
        raise ConfigError(
            f"{name} must be a number, a text, a path, a list, a mapping, True, False or None, "
            f"but got a {type(value).__name__}{array}."
        ) from error
