"""What differs from step to step, in tables on the device: one copy for a whole group of steps."""

from collections.abc import Sequence

import torch
from torch import Tensor

from vael.data.batches import Resident, TrainBatches, take_batch
from vael.training.step import Now


class Inputs:
    """The examples and numbers of a group of steps, read by a counter on the device.

    A captured step reads the same addresses at each replay; so these tables are filled for a whole
    group, and each step moves the counter. Where the data is not on the device, each batch travels
    into one tensor before its step.

    Args:
        loader: of the batches; moved on by what is taken.
        device: of the tables.
        groups: of parameters, each with its learning rate.

    Attributes:
        most: steps of a group.
        at: ``(1,)`` int64: steps of the group that were taken.
    """

    most = 256

    def __init__(self, loader: TrainBatches, device: torch.device, groups: int = 1) -> None:
        self.loader, most = loader, self.most
        self.at = torch.zeros(1, dtype=torch.int64, device=device)
        self._numbers = torch.zeros(most, 2 + groups, device=device)
        arrays = loader.arrays
        self._data = arrays if isinstance(arrays, Resident) else None
        size = loader.batch_size
        if self._data is not None:
            self._places = torch.zeros(most, size, dtype=torch.int64, device=device)
        else:
            one = take_batch(arrays, loader.index[:1])
            self._batch = [
                None
                if each is None
                else torch.zeros(size, *each.shape[1:], dtype=each.dtype, device=device)
                for each in (one.x, one.context)
            ]

    def load(self, plan: Sequence[Now]) -> None:
        """Fill the tables for a group of these steps."""
        count = len(plan)
        rows = [[float(n) for n in (now.beta, now.step, *now.rates)] for now in plan]
        self._numbers[:count].copy_(torch.tensor(rows))
        if self._data is not None:
            self._places[:count].copy_(torch.from_numpy(self.loader.next_positions(count)))
        self.at.zero_()

    def feed(self) -> None:
        """Send the batch of the next step, where the data is not on the device."""
        if self._data is None:
            batch = self.loader.next()
            for place, each in zip(self._batch, (batch.x, batch.context), strict=True):
                if place is not None and each is not None:
                    pinned = each.pin_memory() if self.at.is_cuda else each
                    place.copy_(pinned, non_blocking=True)

    def read(self) -> tuple[Tensor, Tensor | None, Now]:
        """Return the raw examples ``(B, *E)``, what is told of them, and the step's numbers.

        It looks at no value.
        """
        beta, step, *rates = self._numbers.index_select(0, self.at).squeeze(0).unbind()
        now = Now(rates, beta, step)
        if self._data is None:
            x, context = self._batch
            assert x is not None
            return x, context, now
        places = self._places.index_select(0, self.at).squeeze(0)
        told = self._data.context
        context = None if told is None else told.index_select(0, places)
        return self._data.x.index_select(0, places), context, now
