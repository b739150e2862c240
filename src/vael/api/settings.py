"""Settings as keyword arguments, turned into words of a command line."""

import json
from collections.abc import Mapping
from typing import Any

from vael.errors import ConfigError


def write_settings(settings: Mapping[str, Any]) -> list[str]:
    """Return ``name=value`` for each setting, in Hydra's grammar.

    Raises:
        ConfigError: a value that no YAML holds.
    """
    return [f"{name}={_write(name, value)}" for name, value in settings.items()]


def _write(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value.item() if hasattr(value, "item") else value, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{name} must be a number, a text, a list, a mapping, True, False or None, but got a "
            f"{type(value).__name__}."
        ) from error
