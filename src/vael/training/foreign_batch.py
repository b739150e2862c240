"""Batches of vael's loaders and of a loader of the user's own: raw examples, and what is told."""

from collections.abc import Sequence

from torch import Tensor

from vael.data.batches import EvalBatch
from vael.types import Batch

AnyBatch = Batch | EvalBatch | Tensor | Sequence[Tensor]


def read_raw(batch: AnyBatch) -> Tensor:
    """Return the raw examples of a batch, which come first."""
    return batch if isinstance(batch, Tensor) else batch[0]


def read_context(batch: AnyBatch) -> Tensor | None:
    """Return what a conditional model is told of a batch, ``(B, K)``, or None."""
    if isinstance(batch, Batch | EvalBatch):
        return batch.context
    if isinstance(batch, Tensor) or len(batch) < 2:
        return None
    return batch[1].reshape(len(batch[0]), -1).float()
