"""Data that lives on a GPU as it is stored: only positions travel."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vael.data.source import Arrays
from vael.data.splits import SplitIndex
from vael.types import Batch

SHARE = 4  # a part of the data may take this fraction of what is free on the GPU


@dataclass(frozen=True)
class Resident:
    """One part of a data set on a device.

    Attributes:
        x: ``(N, *E)``, as in `vael.data.source.Arrays`.
        y: ``(N,)``, or None.
    """

    x: Tensor
    y: Tensor | None

    @classmethod
    def from_arrays(cls, arrays: Arrays, device: torch.device) -> "Resident":
        """Copy whole arrays to the device."""
        x, y = (
            None if each is None else torch.tensor(each, device=device)
            for each in (arrays.x, arrays.y)
        )
        assert x is not None
        return cls(x, y)

    def take(self, index: SplitIndex) -> Batch:
        """Return the examples at these positions."""
        at = torch.from_numpy(index).to(self.x.device)
        return Batch(self.x[at], None if self.y is None else self.y[at])


def to_device_if_fits(arrays: Arrays, device: torch.device) -> Arrays | Resident:
    """Move the arrays to a GPU where they fit; else keep them, and each batch travels."""
    if device.type != "cuda" or not isinstance(arrays.x, np.ndarray):
        return arrays
    free, _ = torch.cuda.mem_get_info(device)
    return Resident.from_arrays(arrays, device) if arrays.x.nbytes <= free // SHARE else arrays
