"""Read YAML files that may be anybody's: nothing in them runs, and none is too large."""

import io
from pathlib import Path

import yaml  # type: ignore[import-untyped]
from omegaconf import DictConfig, ListConfig, OmegaConf

from vael.errors import ConfigError

MOST_BYTES = 2**20  # PyYAML reads about 100 kB in a second
MOST_NODES = 100_000  # with each alias written out, as OmegaConf does


def read_yaml(path: Path) -> DictConfig | ListConfig:
    """Read a config file.

    Raises:
        ConfigError: unreadable, not YAML, too large, or aliases that multiply beyond measure.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        text = content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    return parse_yaml(text, str(path))


def read_settings(path: Path) -> DictConfig:
    """Read a config file that holds settings by name, such as a run's ``config.yaml``.

    Raises:
        ConfigError: it holds something else, or see ``read_yaml``.
    """
    config = read_yaml(path)
    if not isinstance(config, DictConfig):
        raise ConfigError(f"{path} must hold settings by name, and holds a list.")
    return config


def parse_yaml(text: str, where: str) -> DictConfig | ListConfig:
    """Read a config out of a text.

    Args:
        text: YAML.
        where: its file, for messages.
    """
    if len(text) > MOST_BYTES:
        raise ConfigError(
            f"{where} must hold settings, but is larger than {MOST_BYTES // 2**20} MiB."
        )
    try:
        # without aliases there are no more nodes than characters
        small = "*" not in text and len(text) <= MOST_NODES
        size = 0 if small else _size(yaml.compose(text, Loader=yaml.SafeLoader), {})
        if size <= MOST_NODES:
            return OmegaConf.load(io.StringIO(text))
    except Exception as error:  # yaml and OmegaConf have no common base
        reason = (
            "it is nested too deeply, or refers to itself"
            if isinstance(error, RecursionError)
            else " ".join(str(error).split())[:500]
        )
        raise ConfigError(f"{where} is not valid YAML: {reason}") from error
    raise ConfigError(
        f"{where} must hold settings, but its aliases multiply to {size:.2g} values."
    )


def _size(node: yaml.Node | None, known: dict[int, int]) -> int:
    """Count the nodes below and with this one, an alias as often as it is used."""
    if not isinstance(node, yaml.CollectionNode):
        return 1
    if id(node) not in known:
        below = node.value
        if isinstance(node, yaml.MappingNode):
            below = [each for pair in node.value for each in pair]
        known[id(node)] = 1 + sum(_size(each, known) for each in below)
    return known[id(node)]
