"""Compose a resolved config from overrides, as ``vael train`` does; no torch."""

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import (
    InterpolationResolutionError,
    OmegaConfBaseException,
    UnsupportedInterpolationType,
)
from yaml import YAMLError  # type: ignore[import-untyped]

from vael.config.latent import settle_latent
from vael.config.overrides import check_one_option, escape, is_unreadable, quote_overrides
from vael.config.shipped import add_own_conf, find_conf
from vael.config.validate import suggest
from vael.errors import ConfigError

_ONE = RLock()  # Hydra has one set of configs open in a process


@contextmanager
def _open_conf() -> Iterator[None]:
    """Open vael's configs for one thread; those of a program around us are open again after."""
    with _ONE:
        around = GlobalHydra.instance().hydra
        GlobalHydra.instance().clear()
        try:
            with initialize_config_dir(str(find_conf()), version_base="1.3"):
                yield
        finally:
            GlobalHydra.instance().hydra = around


def list_groups() -> list[str]:
    """Return the groups of which a config takes one option each: the folders of ``conf``."""
    return [path.name for path in find_conf().iterdir() if path.is_dir()]


Composed = tuple[DictConfig, dict[str, Any]]
"""What Hydra makes of overrides: the config, not resolved, and what was chosen of each group."""


def compose_config(
    overrides: Sequence[str], composer: Callable[[list[str]], Composed] | None = None
) -> DictConfig:
    """Compose what ``vael train OVERRIDES`` writes to ``RUN/config.yaml``, unchecked.

    Args:
        overrides: as on the command line.
        composer: takes the place of ``compose_words``.

    Raises:
        ConfigError: an override is none, or names what does not exist; one line.
    """
    check_one_option(overrides, list_groups())
    words = add_own_conf(quote_overrides(overrides))
    try:
        config, choices = (composer or compose_words)(words)
        return resolve_config(config, choices, overrides)
    except (HydraException, OmegaConfBaseException, YAMLError, ValueError, TypeError) as error:
        raise ConfigError(explain_hydra(error, overrides)) from error


def compose_words(words: list[str]) -> Composed:
    """Let Hydra compose."""
    with _open_conf():
        config = compose("train", words, return_hydra_config=True)
        choices = dict(config.hydra.runtime.choices)
        with open_dict(config):
            config.pop("hydra")
        return config, choices


def resolve_config(
    config: DictConfig,
    choices: dict[str, Any],
    given: Sequence[str],
    program: Sequence[str] = ("vael", "train"),
) -> DictConfig:
    """Resolve the interpolations, and add what was chosen of each group and the command.

    Args:
        config: as Hydra composed it.
        choices: of each group.
        given: the words that it was composed of.
        program: what stands before them on a command line.

    Raises:
        ConfigError: the words give a latent two shapes.
    """
    settle_latent(config, given)
    chosen = {k: v for k, v in choices.items() if not k.startswith("hydra/") and v is not None}
    if config.name is None:
        config.name = (
            chosen.get("experiment") or f"{_data_name(config, chosen)}-{chosen.get('model')}"
        )
    container = OmegaConf.to_container(config, resolve=True)
    assert isinstance(container, dict)
    container.pop("experiment", None)
    command = escape(shlex.join([*program, *given]))
    return OmegaConf.create({**container, "choices": chosen, "command": command})


def _data_name(config: DictConfig, chosen: dict[str, Any]) -> str:
    """Name a run's data: one's own by its file or folder, a data set by its option."""
    path = OmegaConf.select(config, "data.path")
    if chosen.get("data") not in ("array", "folder") or not isinstance(path, str):
        return str(chosen.get("data"))
    own = Path(path)
    name = re.sub(r"[^\w.-]+", "_", own.stem if own.suffix and not own.is_dir() else own.name)
    return name.strip("._") or str(chosen["data"])


def explain_hydra(error: Exception, overrides: Sequence[str]) -> str:
    """Put Hydra's or OmegaConf's message in one line, with the remedy."""
    text = str(error)
    if isinstance(error, UnicodeDecodeError):
        return f"a YAML of this config is not UTF-8: {text}: ... {error.object[:80]!r} ..."
    several = re.search(r"Ambiguous value for argument '(.+)'", text)
    if several:
        return (
            f"{several[1]}: a setting takes one value. Quote it if the comma belongs to it; to "
            "try several, search over them (vael sweep), or train each (-m)."
        )
    swept = re.search(r"Sweep parameters '(.+?)' requires --multirun", text, re.DOTALL)
    if swept:
        key, _, value = swept[1].partition("=")
        return (
            f"{swept[1]}: a setting takes one value. To search over it write `{key}: {value}` "
            "under space in a file for vael sweep FILE (docs/searches.md)."
        )
    if "override_grammar" in text:
        return _explain_word(next(filter(is_unreadable, overrides), ""))
    if isinstance(error, InterpolationResolutionError | UnsupportedInterpolationType):
        return _explain_interpolation(error, text, overrides)
    absent = re.search(r"Cannot find primary config '([^']+)'", text)
    if absent:
        return (
            f"--config-name: there is no {absent[1]} in the folders of configs; --config-dir adds "
            "one. A run that has a folder goes on with vael train RUN."
        )
    twice = re.search(r"(\S+) appears more than once in the final defaults list", text)
    if twice:
        return f"{twice[1]} is chosen already: give {twice[1]}=<option> without a plus."
    typed = re.search(r"Could not override '([^']+)'", text)
    if typed:
        path = typed[1]
        given = next((a for a in overrides if a.lstrip("+~").startswith(f"{path}=")), path)
        if path.startswith("callbacks.extra"):
            return f"{given}: your own callbacks are added with a plus: +callbacks.extra.NAME=..."
        return f"{given}: {path} is not a setting. {_remedy(path)}"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    options = re.search(r"Could not find '([^']+)'", text)
    if options and "Available options" in text:
        group, _, option = options[1].rpartition("/")
        head = next(n for n, line in enumerate(lines) if "Available options" in line)
        names = [name for name in lines[head + 1 :] if not name.startswith(("Config", "provider"))]
        return f"{group}={option}: no such option; choose from {', '.join(names)}."
    key = [line for line in lines if line.startswith("full_key:")]
    where = f" ({key[0].removeprefix('full_key:').strip()})" if key else ""
    kept = [line for line in lines if not line.startswith(("full_key:", "object_type="))]
    return " ".join(kept) + where


def _explain_word(word: str) -> str:
    """Say what a word that is no setting may have meant."""
    name = word.partition("=")[0].strip("+~ ")
    options = sorted(path.stem for path in (find_conf() / name).glob("*.yaml")) if name else []
    remedy = f"choose {name}={'|'.join(options)}." if options else suggest_setting(name)
    return f"{word}: settings are given as NAME=VALUE. {remedy}"


def _explain_interpolation(error: OmegaConfBaseException, text: str, given: Sequence[str]) -> str:
    """Name the setting whose ``${...}`` does not resolve, and what could have been meant."""
    path = str(error.full_key)
    value = next((word for word in given if word.lstrip("+").startswith(f"{path}=")), path)
    reason = text.partition("\n")[0].rpartition("resolving interpolation: ")[2]
    name = re.search(r"Interpolation key '(.+)' not found", text)
    if name:
        reason = f"{name[1]} is not a setting. {suggest_setting(name[1])}"
    return (
        f"{value} cannot be resolved: {reason} (${{NAME}} is the value of a setting, "
        "${oc.env:NAME} that of a variable of the environment)"
    )


def _remedy(path: str) -> str:
    parent, _, last = path.replace("/", ".").rpartition(".")
    if parent and (find_conf() / last).is_dir():
        return f"{last} is a group of its own: give {last}=<option>."
    return suggest_setting(path)


def suggest_setting(path: str) -> str:
    """Say which settings look most like a mistyped one."""
    with _open_conf():
        return suggest(path, compose("train"))
