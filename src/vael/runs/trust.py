"""Check which code a config that came with a file may name.

A run's folder is its owner's: ``vael train RUN`` runs what ``RUN/config.yaml`` names, as a shell
runs a script. A checkpoint or an export may come from anybody: what its config names is built only
if it is a model's part of vael itself, or of a package that the user has named.
"""

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from vael.data.source import Source
from vael.errors import CheckpointError, ConfigError
from vael.runs.folder import is_module_of_vael

BUILT = ("model", "likelihood", "latents", "posterior", "prior", "data")
"""Sections of a config out of which a trained model and its data are built."""


def check_trusted(config: Mapping[str, Any], allow: Sequence[str], file: Path) -> None:
    """Refuse a config that names code which nobody has vouched for; run none of it.

    The name must lead to what is *defined* below an allowed package: ``vael.cli.main.os.system``
    is not vael's. Of vael itself only nets, families and data sources are taken.

    Args:
        config: of plain containers.
        allow: packages or modules of the user's own, ``("mylab",)``.
        file: where the config comes from, for the message.

    Raises:
        CheckpointError: it names something else, or has interpolations.
        ConfigError: a package of ``allow`` cannot be imported.
    """
    for section in BUILT:
        for where, name, value in _leaves(config.get(section), section):
            if name == "_target_" or "._target_" in where:
                _check(value, where, allow, file)
            elif isinstance(value, str) and "${" in value:
                raise CheckpointError(
                    f"{file} was not loaded: its config has an interpolation, "
                    f"{where}={value}, which a run's config never has."
                )


def _leaves(node: object, where: str) -> Iterator[tuple[str, str, object]]:
    """Yield every value that is no container: its place, its last name and itself."""
    if not isinstance(node, Mapping | list | tuple):
        yield where, where.rpartition(".")[2], node
        return
    inside: Iterable[Any] = node.items() if isinstance(node, Mapping) else enumerate(node)
    for name, value in inside:
        if name == "_target_" and isinstance(value, Mapping | list | tuple):
            yield f"{where}.{name}", "_target_", value
        yield from _leaves(value, f"{where}.{name}")


def _check(target: object, where: str, allow: Sequence[str], file: Path) -> None:
    module, _, name = str(target).rpartition(".")
    root = next((root for root in ("vael", *allow) if _below(module, root)), None)
    made = None if root is None else _find(module, name)
    if root == "vael" and not is_module_of_vael(module.split(".")[1:]):
        raise CheckpointError(
            f"{file} was not loaded: its config names {where}={target}, which this version of "
            "vael does not have. It was made by another one: train it again, or use that version."
        )
    home = str(getattr(made, "__module__", ""))
    ours = isinstance(made, type) and issubclass(made, nn.Module | Source)
    if (
        root is None
        or not callable(made)
        or not _below(home, root)
        or (root == "vael" and not ours)
    ):
        package = str(target).partition(".")[0]
        raise CheckpointError(
            f"{file} was not loaded: its config names {where}={target}, which is no part of a "
            f"model of vael's own. If you trust that code, allow its package by name: {package}."
        )


def _below(module: str, root: str) -> bool:
    return module == root or module.startswith(f"{root}.")


def _find(module: str, name: str) -> object:
    try:
        return getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        if module.partition(".")[0] == "vael":
            return None
        raise ConfigError(
            f"{module} cannot be imported ({error}): install its package, or put "
            "the folder that holds it on PYTHONPATH."
        ) from error
