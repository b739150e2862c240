"""Quote overrides for Hydra where it is clear what is meant, and refuse them by name elsewhere."""

import re
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from vael.errors import ConfigError

PATHS = {"data.path", "data.cache_dir", "init_from", "output_dir"}
TEXTS = PATHS | {"name", "logger.project", "logger.group", "logger.entity", "logger.job_type"}
STRUCTURE = set("[]{}(),'\"$")
"""Characters by which Hydra tells lists, mappings, calls and quoted texts from plain ones."""


def quote_overrides(arguments: Sequence[str], multirun: bool = False) -> list[str]:
    """Quote the values that Hydra's grammar refuses or converts though they are meant as text.

    These are paths (``data.path=/x/year=2019/(a).npz``), names that look like numbers
    (``name=2026``), and whatever has no brackets, commas, quotes or dollars in it (``name=café``,
    ``data.path=~/photos``).

    Args:
        arguments: of the command line; those that begin with a dash stay as they are.
        multirun: whether ``a,b`` means two jobs.

    Raises:
        ConfigError: one that stays unreadable: which it is, and how to quote it.
    """
    return [
        argument if argument.startswith("-") else _quoted(argument, multirun)
        for argument in arguments
    ]


def _quoted(argument: str, multirun: bool) -> str:
    key, equals, value = argument.partition("=")
    if not key.strip("+~@ "):  # on which Hydra ends in an assertion
        raise ConfigError(f"{argument}: settings are given as NAME=VALUE, but this has no name.")
    if not equals or not value:
        return argument
    read = _parse(argument)
    if read is not None:
        name, typed = key.lstrip("+"), read.value()
        split = name in PATHS and read.is_sweep_override() and not multirun
        number = name in TEXTS and isinstance(typed, int | float)
        return f"{key}={quote(value)}" if split or number else argument
    quoted = f"{key}={quote(value)}"
    plain = key.lstrip("+") in PATHS or not STRUCTURE & set(value)
    if plain and _parse(quoted) is not None:
        return quoted
    if _parse(quoted) is None:  # the name itself is at fault
        return argument
    raise ConfigError(
        f"{argument} cannot be read: a value with brackets, commas, quotes or dollars that is a "
        f'text needs quotes of its own inside of the shell\'s: "{quoted}"'
    )


def is_unreadable(argument: str) -> bool:
    """Tell whether Hydra's grammar has no place for a word of the command line."""
    return not argument.startswith("-") and _parse(argument) is None


def quote(value: str) -> str:
    """Quote a text for Hydra's grammar."""
    inner = re.sub(r"(\\*)'", r"\1\1\\'", value)
    return "'" + re.sub(r"(\\+)$", r"\1\1", inner) + "'"


def check_one_option(arguments: Sequence[str], groups: Sequence[str]) -> None:
    """Refuse a list of options for a group, of which Hydra would take the last in silence.

    Raises:
        ConfigError: names the group, and says how to try several.
    """
    for argument in arguments:
        key = argument.partition("=")[0].lstrip("+")
        read = _parse(argument) if key in groups else None
        value = None if read is None else read.value()
        if isinstance(value, dict):
            raise ConfigError(
                f"{argument}: {key} is a group: choose with {key}=<option>, and change what is in "
                f"it by {key}.NAME=VALUE."
            )
        if isinstance(value, list):
            options = [str(option) for option in value]
            if key == "logger":
                raise ConfigError(
                    f"{argument}: a group takes one option: logger=wandb_tensorboard logs to "
                    "wandb and tensorboard; for others make conf/logger/NAME.yaml like it, "
                    "with a section for each."
                )
            raise ConfigError(
                f"{argument}: a group takes one option: give {key}={(*options, '<option>')[0]}. "
                f"To try several: vael sweep FILE, with `{key}: choice({', '.join(options)})` "
                "under space."
            )


def escape(text: str) -> str:
    r"""Escape a text so that OmegaConf reads it as it is: ``${`` is no interpolation in it."""
    return re.sub(r"(\\*)\$\{", lambda found: found[1] * 2 + r"\${", text)


def _parse(argument: str) -> Override | None:
    try:
        return OverridesParser.create().parse_override(argument)
    except HydraException:
        return None
