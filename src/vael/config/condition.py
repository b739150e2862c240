"""The ``condition`` of a config: what a model is told of each example, and which parts take it."""

from collections.abc import Mapping

from omegaconf import DictConfig

from vael.config.condition_options import PARTS
from vael.data.context import Names, Told
from vael.models.condition import Conditioning, LabelCondition, NumberCondition
from vael.types import DataSpec


def read_told(config: DictConfig, known: Names = ()) -> Told | None:
    """Return what a model is told of each example; None: nothing.

    Args:
        config: a run's; one from before there were conditional models has no ``condition``.
        known: what it was told in training, where it is trained.
    """
    node = config.get("condition")
    if node is None or node.kind == "none":
        return None
    names = node.get("names")
    return Told(node.kind, None if names is None else tuple(map(str, names)), known)


def build_condition(config: DictConfig, spec: DataSpec) -> Conditioning | None:
    """Build what makes c of what the data says; None where a model is told nothing."""
    if not spec.context:
        return None
    if config.condition.kind == "label":
        ((_, classes),) = spec.context
        return LabelCondition(classes, config.condition.embedding)
    return NumberCondition([name for name, _ in spec.context])


def find_context_sizes(config: DictConfig, condition: Conditioning | None) -> Mapping[str, int]:
    """Return of encoder, decoder and prior how many numbers of c they take."""
    return {
        part: condition.size if condition is not None and config.condition[part] else 0
        for part in PARTS
    }
