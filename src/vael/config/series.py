"""Compose a series of configs that differ in few values, as the trials of a search do.

Hydra takes a quarter of a second of processor time for a config, of which most goes into reading
files. What the configs of a series share, their files, is composed once for each choice of groups;
plain values (``objective.beta=2``) are put into a copy of it, in their order, as Hydra does.
"""

from copy import deepcopy

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vael.config.compose import Composed, compose_words


class ConfigSeries:
    """Composes as ``compose_words`` does, and remembers what the next config may share."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], Composed] = {}

    def __call__(self, words: list[str]) -> Composed:
        """Let Hydra compose what is new, and set the values."""
        overrides = OverridesParser.create().parse_overrides(words)
        changed = [n for n, each in enumerate(overrides) if not _is_change(each)]
        values = {
            n
            for n, each in enumerate(overrides)
            if n > max(changed, default=-1) and _is_value(each)
        }
        shared = tuple(word for n, word in enumerate(words) if n not in values)
        if shared not in self._known:
            self._known[shared] = compose_words([*shared])
        config, choices = deepcopy(self._known[shared])
        try:
            for n in sorted(values):
                OmegaConf.update(config, overrides[n].key_or_group, overrides[n].value())
        except OmegaConfBaseException:
            return compose_words(words)  # its message says what is wrong
        return config, choices


def _is_change(override: Override) -> bool:
    """Tell whether it changes what is there, rather than adds or deletes."""
    return not (override.is_add() or override.is_force_add() or override.is_delete())


def _is_value(override: Override) -> bool:
    """Tell whether it sets a value, rather than chooses of a group or speaks to Hydra."""
    key = override.key_or_group
    return "." in key and not key.startswith("hydra.") and override.package is None
