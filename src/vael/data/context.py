"""What a conditional model is told of each example: its label, or what it was made from."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from vael.data.source import Array, Arrays, Decoded
from vael.data.splits import SplitIndex
from vael.errors import ConfigError, DataError
from vael.text import did_you_mean

Names = tuple[tuple[str, int], ...]
"""Of each number that is told: its name, and how many values it has."""
SHOWN = 5
NO_LABELS = ConfigError(
    "condition=label needs a label for each example, but this data has none: name them "
    "(data.label_key, data.label_column), or use condition=none."
)


@dataclass(frozen=True)
class Told:
    """The choice of what is told.

    Attributes:
        kind: ``label``, ``factors`` or ``columns``.
        names: of the factors, where None is all of them, or of the columns.
        known: what a trained model was told; empty: it is to be trained on this data.
    """

    kind: str
    names: tuple[str, ...] | None = None
    known: Names = ()


def add_context(
    data: Decoded, told: Told, classes: int | None, train: SplitIndex
) -> tuple[Decoded, Names]:
    """Return the data with the ``context`` of each example, and the names of its numbers.

    Args:
        data: whole.
        told: what is told.
        classes: number of labels, or None where there are none.
        train: positions of the training examples.

    Raises:
        ConfigError: the data has no labels, or no such factor.
        DataError: a class has no training example, or was never seen by a trained model.
    """
    if told.kind == "label":
        found = told.known or (("label", _check_classes(data, classes, train)),)
        _check_labels(data, found[0][1])
        return _with_context(data, lambda part: part.y), found
    known = [name for name, _ in data.factors]
    names = [name for name, _ in told.known] or list(known if told.names is None else told.names)
    if not known:
        raise ConfigError(
            "condition=factors needs data that knows what each example was made from "
            "(data=sprites), but this data does not: use condition=none."
        )
    for name in names:
        if name not in known:
            raise ConfigError(
                f"condition.names: this data has no factor {name}. {did_you_mean(name, known)}"
            )
    at = [known.index(name) for name in names]
    return _with_context(
        data, lambda part: None if part.factors is None else part.factors[:, at]
    ), told.known or tuple(data.factors[place] for place in at)


def _with_context(data: Decoded, take: Callable[[Arrays], Array | None]) -> Decoded:
    def add(part: Arrays | None) -> Arrays | None:
        if part is None:
            return None
        found = take(part)
        assert found is not None
        return replace(part, context=found.reshape(len(part), -1).astype(np.float32))

    train = add(data.train)
    assert train is not None
    return replace(data, train=train, val=add(data.val), test=add(data.test))


def _check_labels(data: Decoded, classes: int) -> None:
    """Refuse examples without a label, and labels that a trained model has never seen."""
    for split, part in data.parts.items():
        if part.y is None:
            raise NO_LABELS
        highest = int(part.y.max())
        if highest >= classes:
            raise DataError(
                f"condition=label: the model was trained on the classes 0 .. {classes - 1}, but "
                f"split {split} has class {highest}, which it has never seen"
            )


def _check_classes(data: Decoded, classes: int | None, train: SplitIndex) -> int:
    """Return how many classes there are; refuse those that could never be learned."""
    if classes is None or data.train.y is None:
        raise NO_LABELS
    unseen = sorted(set(range(classes)) - set(np.unique(data.train.y[train]).tolist()))
    if unseen:
        more = ", ..." if len(unseen) > SHOWN else ""
        listed = ", ".join(map(str, unseen[:SHOWN])) + more
        raise DataError(
            f"condition=label needs a training example of each class, but {len(unseen)} of the "
            f"{classes} classes have none ({listed}): leave them out, or raise data.limit"
        )
    return classes
