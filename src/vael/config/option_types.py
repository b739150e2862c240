"""Check the options of a config's parts against the types that their constructors name."""

import inspect
import types
from typing import Any, Union, get_args, get_origin

from hydra.utils import get_object
from omegaconf import DictConfig
from torch import Tensor

from vael.errors import ConfigError

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
    hints = _find_hints(str(node.get("_target_")))
    for name in node:
        value, path = node[name], f"{where.removesuffix('.source')}.{name!s}"
        if isinstance(value, DictConfig) and "_target_" in value:
            check_options(value, path)
            continue
        hint = hints.get(str(name))
        known = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
        known = tuple(kind for kind in known if kind is not Tensor)  # which no YAML holds
        if all(kind in WORDS for kind in known) and not any(_fits(value, k) for k in known):
            words = " or ".join(sorted((WORDS[kind] for kind in known), key=lambda w: w != "null"))
            raise ConfigError(f"{path} must be {words}, but got {value!r}.")


def _find_hints(target: str) -> dict[str, Any]:
    if target.partition(".")[0] not in ("vael", "torch"):
        return {}
    try:
        parameters = inspect.signature(get_object(target), eval_str=True).parameters
        return {name: parameter.annotation for name, parameter in parameters.items()}
    except Exception:  # a name that does not exist: `build_part` says so
        return {}


def _fits(value: object, kind: object) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)  # type: ignore[arg-type]
