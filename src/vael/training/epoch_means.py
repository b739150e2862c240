"""Epoch means of the loss and its terms, kept in tensors until they are asked for."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from vael.models.trace import Loss


class EpochMeans:
    """Average the loss and its terms over batches and devices.

    One sum of a short tensor a step: a ``self.log`` call would cost more than the step of a
    small VAE.
    """

    def __init__(self) -> None:
        self._names: list[str] = []
        self._sums: Tensor | None = None
        self._batches = 0

    def reset(self) -> None:
        """Begin a new epoch."""
        self._sums, self._batches = None, 0

    def add(self, loss: Loss) -> None:
        """Add one batch."""
        self.add_rows(torch.stack([loss.value, *loss.terms.values()])[None], loss.terms)

    def add_rows(self, rows: Tensor, terms: Iterable[str]) -> None:
        """Add batches: the loss and these terms of each, ``(batches, 1 + terms)``."""
        sums = rows.new_zeros(rows.shape[1]).double() if self._sums is None else self._sums
        sums = sums.to(rows.device)
        if len(rows) == 1:
            sums.add_(rows[0])
        else:  # one after another in float64, as if they had been added one by one
            sums = torch.cat([sums[None], rows.double()]).cumsum(0)[-1]
        self._sums = sums
        self._batches += len(rows)
        self._names = ["loss", *terms]

    def compute(self, over_devices: Callable[[Tensor], Tensor]) -> dict[str, float]:
        """Return train/loss, train/<term>, and train/elbo: minus the loss at beta = 1."""
        assert self._sums is not None
        means = over_devices(self._sums / self._batches).tolist()
        named = dict(zip(self._names, means, strict=True))
        if {"distortion", "rate"} <= named.keys():
            named["elbo"] = -named["distortion"] - named["rate"]
        return {f"train/{name}": value for name, value in named.items()}

    def state(self, gather: Callable[[Tensor], Tensor]) -> dict[str, Any]:
        """Return the sums of every process, for a checkpoint within the epoch."""
        if self._sums is None:
            return {}
        every = gather(self._sums).reshape(-1, len(self._sums)).cpu()
        return {"sums": every, "batches": self._batches, "names": self._names}

    def restore(self, state: Mapping[str, Any], rank: int, world: int) -> None:
        """Go on with the sums of this process, if as many go on as have stopped."""
        if state and len(state["sums"]) == world:
            self._sums = state["sums"][rank]
            self._batches, self._names = state["batches"], state["names"]
