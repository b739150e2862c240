"""Splits: which examples are for training, validation and test.

The split is a constant of the data (``data.split_seed``), never of the run's seed: numbers of two
runs are comparable only on the same examples.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vael.data.source import Split
from vael.errors import DataError
from vael.randomness import derive_seed

SplitIndex = npt.NDArray[np.int64]
FRACTION = 10  # one in ten
MAX_TEST = 10_000
MAX_VAL = 5_000


@dataclass(frozen=True)
class ExamplesPart:
    """Some examples of one decoded array.

    Attributes:
        origin: which decoded array they are in.
        index: ``(N,)`` int64 positions in it, without repeats.
    """

    origin: Split
    index: SplitIndex


def permute(n: int, *parts: int | str) -> SplitIndex:
    """Permute 0..n-1 as a function of a key.

    By sorting the raw 64-bit words of PCG64: numpy guarantees those for ever, but not
    ``Generator.permutation``, and a split must outlive a numpy release.
    """
    words = np.random.PCG64(derive_seed(*parts)).random_raw(n)
    return np.argsort(words, kind="stable").astype(np.int64)


def make_splits(
    sizes: Mapping[Split, int], split_seed: int = 0, limit: int | None = None
) -> dict[Split, ExamplesPart]:
    """Return positions of the training, validation and test examples.

    Official validation and test examples are kept whole, in their order. Where there are none,
    test = 1 in 10 of train (rounded up, at most 10,000), and then validation = 1 in 10 of the rest
    (at most 5,000), both in random order. Training positions are ascending.

    Args:
        sizes: number of examples of each decoded array; ``train`` is required.
        split_seed: seed of what is taken out of train, and of what ``limit`` keeps.
        limit: at most so many of train before validation is taken out of it, and at most so many
            of each of the other two: a random choice, because files are often sorted by class.

    Raises:
        DataError: a split would be empty.
    """
    train = permute(sizes["train"], split_seed, "split", "test")
    if "test" in sizes:
        test = ExamplesPart("test", _choose(sizes["test"], limit, split_seed, "test"))
        train = np.arange(sizes["train"])
    else:
        taken = min(-(-len(train) // FRACTION), MAX_TEST)
        test = ExamplesPart("train", train[:taken][:limit])
        train = np.sort(train[taken:])

    train = train[_choose(len(train), limit, split_seed, "train")]
    if "val" in sizes:
        val = ExamplesPart("val", _choose(sizes["val"], limit, split_seed, "val"))
    else:
        order = train[permute(len(train), split_seed, "split", "val")]
        taken = min(-(-len(order) // FRACTION), MAX_VAL)
        val = ExamplesPart("train", order[:taken])
        train = np.sort(order[taken:])

    found: dict[Split, ExamplesPart] = {
        "train": ExamplesPart("train", train),
        "val": val,
        "test": test,
    }
    counts = {name: len(part.index) for name, part in found.items()}
    if min(counts.values()) < 1:
        limited = "" if limit is None else f" with data.limit={limit}"
        raise DataError(
            f"each split must have at least 1 example, got {counts} out of "
            f"{dict(sizes)}{limited}; give more data (3 examples are the least)"
        )
    return found


def _choose(n: int, limit: int | None, seed: int, name: str) -> SplitIndex:
    """Return ascending positions of at most ``limit`` of n, chosen at random."""
    if limit is None or n <= limit:
        return np.arange(n)
    return np.sort(permute(n, seed, "limit", name)[:limit])
