"""Convert what a user tells a conditional model, a label or named numbers, to rows of numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vael.errors import ConfigError, DataError
from vael.pretrained.inputs import ArrayLike, convert_numbers
from vael.text import did_you_mean
from vael.types import DataSpec

Given = Mapping[str, ArrayLike] | Tensor
"""A number, or one for each example, by name; a category by that of its column; or a tensor
``(N, K)`` of all numbers."""


def convert_told(
    spec: DataSpec, kind: str, count: int, label: ArrayLike | None, given: Given | None
) -> Tensor | None:
    """Return what is told of ``count`` examples, ``(count, K)`` float32; None: nothing.

    Args:
        spec: of the data that the model was trained on.
        kind: of its condition.
        count: examples.
        label: a class, or one for each example.
        given: numbers by name; of a column of categories the name, or that of each.

    Raises:
        ConfigError: the model is told nothing, or something else, or it lacks what it is told.
        DataError: a class that it has never seen, or another number of values than of examples.
    """
    if not spec.context:
        if label is not None or given is not None:
            raise ConfigError(
                "this model is not conditional, so it takes no label and nothing given: train one "
                "with condition=label."
            )
        return None
    if isinstance(given, Tensor):
        return given
    names = [name for name, _ in spec.context]
    if kind == "label":
        if label is None or given is not None:
            ((_, classes),) = spec.context
            raise ConfigError(
                f"this model is conditional: tell it a class, label=0 to {classes - 1}, or one "
                "for each example."
            )
        given = {"label": label}
    elif label is not None or given is None:
        asked = dict.fromkeys(name.partition("=")[0] for name in names)
        listed = ", ".join(f'"{name}": ...' for name in asked)
        raise ConfigError(
            f"this model is conditional: tell it given={{{listed}}}, each a number or one per "
            "example."
        )
    given = _spread_categories(given, names)
    for name in given:
        if name not in names:
            raise ConfigError(f"given: this model is told no {name}. {did_you_mean(name, names)}")
    missing = [name for name in names if name not in given]
    if missing:
        raise ConfigError(
            f"given: {missing[0]} is missing: this model is told {', '.join(names)}."
        )
    columns = [_column(name, given[name], count) for name in names]
    if kind == "label":
        ((_, classes),) = spec.context
        _check_classes(columns[0], classes)
    return torch.stack(columns, 1)


def _spread_categories(given: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """Return numbers by name: a category as 0 or 1 of each, ``sex=f`` and ``sex=m``."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        known = [each.removeprefix(f"{name}=") for each in names if each.startswith(f"{name}=")]
        if name in names or not known:
            found[name] = value
            continue
        chosen = np.asarray(value)
        words = np.array(
            [
                f"{each:g}" if isinstance(each, float) else str(each)
                for each in chosen.ravel().tolist()
            ]
        )
        other = next((word for word in words.tolist() if word not in known), None)
        if other is not None:
            raise ConfigError(f"given: {name} must be one of {', '.join(known)}, but got {other}.")
        for category in known:
            found[f"{name}={category}"] = (words == category).reshape(chosen.shape).astype(float)
    return found


def _column(name: str, value: ArrayLike, count: int) -> Tensor:
    found = convert_numbers(value, name)
    if found.ndim == 0:
        return found.expand(count)
    if found.shape != (count,):
        raise DataError(
            f"{name} must be a number, or one for each of the {count} examples, got shape "
            f"{tuple(found.shape)}."
        )
    return found


def _check_classes(labels: Tensor, classes: int) -> None:
    bad = labels[(labels != labels.floor()) | (labels < 0) | (labels >= classes)]
    if len(bad):
        raise DataError(
            f"label must be a class that the model was trained on, a whole number from 0 to "
            f"{classes - 1}, got {bad[0].item():g}."
        )
