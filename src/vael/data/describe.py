"""Say in one line what data a run has: a loss of rows, channels, bits or frames can be seen."""

from collections.abc import Mapping

from vael.data.source import Decoded, Split
from vael.types import DataSpec


def describe_data(source: str, data: Decoded, spec: DataSpec) -> str:
    """Return one line: from where, how many, their shape, levels and classes, and the splits.

    Args:
        source: where they are from, `vael.data.source.Source.describe`.
        data: all that was decoded.
        spec: of what is used of it.

    Example:
        ``scikit-learn's digits: 1,797 images 1 x 8 x 8, 17 levels, 10 classes; 1,456 to train, 161
        to validate and 180 to test (taken out of the training examples)``
    """
    total = sum(len(part) for part in data.parts.values())
    shape = " x ".join(map(str, spec.event_shape))
    table = len(spec.event_shape) == 1
    kind = f"rows of {shape} columns" if table else f"{_kind(spec)} {shape}"
    values = "values in [0, 1]" if spec.support == "unit" else "any real numbers"
    levels = "" if table else f", no levels ({values})"
    if spec.raw_levels is not None:
        levels = f", {spec.raw_levels:,} levels"
        if spec.levels != spec.raw_levels:
            levels += f", made {spec.levels}"
    classes = "no labels" if spec.num_classes is None else f"{spec.num_classes} classes"
    text = f"{source}: {total:,} {kind}{levels}, {classes}; {_splits(spec, data.parts)}"
    used = spec.num_train + spec.num_val + spec.num_test
    return text if used == total else f"{text}; {total - used:,} not used (data.limit)"


def _kind(spec: DataSpec) -> str:
    return "images" if len(spec.event_shape) == 3 else "series"


def _splits(spec: DataSpec, parts: Mapping[Split, object]) -> str:
    counts = (
        f"{spec.num_train:,} to train, {spec.num_val:,} to validate and {spec.num_test:,} to test"
    )
    missing = [name for name in ("val", "test") if name not in parts]
    names = {"val": "validation", "test": "test"}
    if not missing:
        return counts
    taken = " and ".join(names[name] for name in missing)
    return f"{counts} ({taken} taken out of the training examples)"
