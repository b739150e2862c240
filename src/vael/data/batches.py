"""Batches for training and chunks for evaluation, the same for any number of devices.

No per-example Python and no worker processes: one fancy index of a memory-mapped array is a
batch (a tenth of a millisecond for 128 MNIST images). Both classes are plain iterables: Lightning
leaves those as they are, but gives a ``DataLoader`` a sampler that repeats examples to fill the
last shard.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vael.data.source import Array, Arrays
from vael.data.splits import SplitIndex
from vael.randomness import Noise
from vael.types import Batch

EVAL_CHUNK = 100
"""Examples in a chunk of evaluation: fixed, because its noise is keyed by the chunk's number."""


SHARE = 4  # a part of the data may take this fraction of what is free on the GPU


class EvalBatch(NamedTuple):
    """One chunk of a split: the examples ``[100 chunk, 100 chunk + 100)``.

    Attributes:
        x: ``(B, *E)``, as in `vael.types.Batch`. B may be 0, see `EvalBatches`.
        y: ``(B,)`` int64 class labels, or None.
        chunk: number of the chunk within its split, for the key of its noise.
        context: ``(B, K)``, as in `vael.types.Batch`.
    """

    x: Tensor
    y: Tensor | None
    chunk: int
    context: Tensor | None = None


@dataclass(frozen=True)
class Resident:
    """One part of a data set on a device.

    Attributes:
        x: ``(N, *E)``, as in `vael.data.source.Arrays`.
        y: ``(N,)``, or None.
        context: ``(N, K)``, or None.
    """

    x: Tensor
    y: Tensor | None
    context: Tensor | None = None

    @classmethod
    def from_arrays(cls, arrays: Arrays, device: torch.device) -> "Resident":
        """Copy whole arrays to the device."""
        x, y, context = (
            None if each is None else torch.tensor(_for_torch(np.asarray(each)), device=device)
            for each in (arrays.x, arrays.y, arrays.context)
        )
        assert x is not None
        return cls(x, y, context)

    def take(self, index: SplitIndex) -> Batch:
        """Return the examples at these positions."""
        at = torch.from_numpy(index).to(self.x.device)
        y, context = (None if each is None else each[at] for each in (self.y, self.context))
        return Batch(self.x[at], y, context)


def to_device_if_fits(arrays: Arrays, device: torch.device) -> Arrays | Resident:
    """Move the arrays to a GPU where they fit; else keep them, and each batch travels."""
    if device.type != "cuda" or not isinstance(arrays.x, np.ndarray):
        return arrays
    free, _ = torch.cuda.mem_get_info(device)
    return Resident.from_arrays(arrays, device) if arrays.x.nbytes <= free // SHARE else arrays


def take_batch(arrays: Arrays | Resident, index: SplitIndex) -> Batch:
    """Return the examples at these positions, copied."""
    if isinstance(arrays, Resident):
        return arrays.take(index)
    y, context = (
        None if each is None else torch.from_numpy(each[index])
        for each in (arrays.y, arrays.context)
    )
    return Batch(torch.from_numpy(_for_torch(arrays.x[index])), y, context)


def _for_torch(x: Array) -> Array:
    """Widen uint16, for which torch has few operations, to int32."""
    return x.astype(np.int32) if x.dtype == np.uint16 else x


class TrainBatches:
    """An endless supply of epochs; each is a permutation of the training examples.

    The order of epoch e is a function of (seed, e) only: not of the rank, not of the number of
    devices, not of what was drawn before. One *global* batch is what one optimiser step sees: rank
    r of N takes the r-th of N contiguous slices, in ``accumulate`` equal pieces one after another.
    What is left at the end of a permutation and fills no batch is dropped, other examples in each
    epoch.

    Args:
        arrays: where the examples are.
        index: positions of the training examples.
        batch_size: of a global batch; a multiple of ``world_size * accumulate``.
        seed: of the order stream.
        rank: this process, 0 .. world_size-1.
        world_size: number of processes.
        accumulate: number of pieces (``trainer.accumulate_grad_batches``).
    """

    def __init__(
        self,
        arrays: Arrays | Resident,
        index: SplitIndex,
        batch_size: int,
        seed: int,
        *,
        rank: int = 0,
        world_size: int = 1,
        accumulate: int = 1,
    ) -> None:
        assert 1 <= batch_size <= len(index)
        assert batch_size % (world_size * accumulate) == 0
        assert 0 <= rank < world_size
        self.arrays, self.index, self.batch_size = arrays, index, batch_size
        self.rank, self.world_size, self.accumulate = rank, world_size, accumulate
        self._at = (0, 0)  # epoch, and its batches that were given
        self._noise = Noise(seed, "order")
        self._order: tuple[int, SplitIndex] | None = None

    @property
    def sampler(self) -> "TrainBatches":
        """Itself: Lightning calls ``dataloader.sampler.set_epoch`` before each epoch."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch, or go on with it where a checkpoint stopped within it."""
        if self._at[0] != epoch:
            self._at = (epoch, 0)

    def order(self, epoch: int) -> SplitIndex:
        """Return positions of all training examples in the order of one epoch."""
        if self._order is None or self._order[0] != epoch:
            generator = self._noise.at(torch.device("cpu"), epoch)
            drawn = torch.randperm(len(self.index), generator=generator).numpy()
            self._order = epoch, self.index[drawn]
        return self._order[1]

    def look_ahead(self) -> None:
        """Work out the order of the next epoch where all batches of this one were given."""
        epoch, batches = self._at
        if batches >= len(self):
            self.order(epoch + 1)

    def state_dict(self) -> dict[str, int]:
        """Return how far the epoch has come; Lightning puts it into the checkpoint."""
        epoch, batches = self._at
        return {"epoch": epoch, "batches": batches}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on in that epoch behind the batches that were given."""
        self._at = (state["epoch"], state["batches"])

    def __len__(self) -> int:
        return len(self.index) // self.batch_size * self.accumulate

    def __iter__(self) -> Iterator[Batch]:
        """Give what is left of the epoch, or a whole one where nothing is left."""
        if self._at[1] >= len(self):
            self._at = (self._at[0], 0)
        while self._at[1] < len(self):
            yield self.next()

    def next(self) -> Batch:
        """Return the next batch of the epoch."""
        return take_batch(self.arrays, self.next_positions(1)[0])

    def example(self) -> Batch:
        """Return some examples, as many as a batch of this process has; moves nothing on."""
        size = self.batch_size // self.world_size // self.accumulate
        return take_batch(self.arrays, self.index[:size])

    def next_positions(self, count: int) -> SplitIndex:
        """Return where the examples of the next ``count`` batches are, ``(count, B)``."""
        epoch, first = self._at
        self._at = (epoch, first + count)
        begin, past = divmod(first, self.accumulate)
        end = -(-(first + count) // self.accumulate)
        steps = self.order(epoch)[begin * self.batch_size : end * self.batch_size]
        piece = self.batch_size // self.world_size // self.accumulate
        own = steps.reshape(end - begin, self.world_size, self.accumulate, piece)[:, self.rank]
        found: SplitIndex = own.reshape(-1, piece)[past : past + count]
        return found


class EvalBatches:
    """A split in its own order, in chunks of 100; rank r of N takes chunks r, r+N, ...

    Every example is counted exactly once for any N, so nothing is padded. A rank for which no
    chunk is left yields one batch of 0 examples: on a rank without any batch Lightning skips the
    whole evaluation, and the others wait for ever for its part of the sums.

    Args:
        arrays: where the examples are.
        index: positions of the examples of the split.
        rank: this process, 0 .. world_size-1.
        world_size: number of processes.
    """

    def __init__(
        self, arrays: Arrays | Resident, index: SplitIndex, rank: int = 0, world_size: int = 1
    ) -> None:
        assert 0 <= rank < world_size
        self.arrays, self.index, self.rank, self.world_size = arrays, index, rank, world_size
        chunks = -(-len(index) // EVAL_CHUNK)
        self.chunks = range(rank, max(chunks, rank + 1), world_size)

    def __len__(self) -> int:
        return len(self.chunks)

    def __iter__(self) -> Iterator[EvalBatch]:
        return map(self.at, self.chunks)

    def at(self, chunk: int) -> EvalBatch:
        """Return a chunk by its number, whatever its rank."""
        index = self.index[chunk * EVAL_CHUNK : (chunk + 1) * EVAL_CHUNK]
        x, y, context = take_batch(self.arrays, index)
        return EvalBatch(x, y, chunk, context)
