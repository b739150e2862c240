"""Check the options of a config's parts against the types that their constructors name."""

import importlib
import inspect
import types
from collections.abc import Sequence
from typing import Any, Union, get_args, get_origin

from omegaconf import DictConfig, ListConfig
from torch import Tensor

from vael.errors import ConfigError

LISTS = (tuple, list, Sequence)
WORDS = {float: "a number", int: "a whole number", bool: "true or false", type(None): "null"}


def check_options(node: DictConfig, where: str) -> None:
    """Refuse an option that must be a number or a truth value, and is none.

    Constructors of vael and torch would accept any other, and end in an error of Python's that
    does not name the setting. Options of other types are theirs to check.

    Args:
        node: has ``_target_`` and the options, which may be such nodes themselves.
        where: the config path, for the messages.

    Raises:
        ConfigError: names the first such setting.
    """
    target = str(node.get("_target_"))
    own = target.partition(".")[0] in ("vael", "torch")
    hints = find_parameters(target) if own else {}
    for name in node:
        value, path = node[name], f"{where.removesuffix('.source')}.{name!s}"
        if isinstance(value, DictConfig) and "_target_" in value:
            check_options(value, path)
            continue
        hint = hints.get(str(name))
        if get_origin(hint) in LISTS and not isinstance(value, ListConfig | list):
            raise ConfigError(f"{path} must be a list, but got {value!r}.")
        known = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
        known = tuple(kind for kind in known if kind is not Tensor)  # which no YAML holds
        if all(kind in WORDS for kind in known) and not any(_fits(value, k) for k in known):
            words = " or ".join(sorted((WORDS[kind] for kind in known), key=lambda w: w != "null"))
            raise ConfigError(f"{path} must be {words}, but got {value!r}.")


def find_parameters(target: str) -> dict[str, Any]:
    """Return the parameters of what a ``_target_`` names, with their types; none if it is absent.

    Hydra's own look-up would print a line of its own about a name that does not exist.
    """
    module, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
        parameters = inspect.signature(found, eval_str=True).parameters
        return {name: parameter.annotation for name, parameter in parameters.items()}
    except Exception:  # any code of a user's: `build_part` says what is wrong with it
        return {}


def _fits(value: object, kind: object) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)  # type: ignore[arg-type]
