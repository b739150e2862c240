"""Keep the scores of each example, for differences between models on the same examples."""

from dataclasses import fields

import torch
import torchmetrics
from torch import Tensor

from vael.metrics.evidence import Evidence

COLUMNS: tuple[str, ...] = ("elbo", "rate", "distortion", "iwae", "mse", "bits")
PUBLISHED = {"bits": "bpd"}  # what a column is called among the scores
assert set(COLUMNS) <= {each.name for each in fields(Evidence)}


class ExampleScores(torchmetrics.Metric):
    """Table of the examples of a split in their order, in float64, filled over all devices.

    Each row is written by one process and is zero in all others, so that their sum is the table.

    Args:
        num_examples: of the split.
        has_levels: whether there are bits.
        has_density: whether q(z|x) has one; else distortion and mse are all.
    """

    full_state_update = False
    table: Tensor

    def __init__(self, num_examples: int, has_levels: bool, has_density: bool = True) -> None:
        super().__init__()
        self.columns = COLUMNS if has_levels else COLUMNS[:-1]
        if not has_density:
            self.columns = ("distortion", "mse")
        table = torch.zeros(num_examples, len(self.columns), dtype=torch.float64)
        self.add_state("table", table, dist_reduce_fx="sum")

    def update(self, seen: Evidence, first: int) -> None:
        """Write a chunk.

        Args:
            seen: its scores.
            first: position of its first example in the split.
        """
        columns = [getattr(seen, name) for name in self.columns]
        self.table[first : first + len(seen.elbo)] = torch.stack(columns, 1)

    def compute(self) -> dict[str, Tensor]:
        """Return ``(N,)`` scores by the name behind the split, such as ``bpd``."""
        names = (PUBLISHED.get(name, name) for name in self.columns)
        return dict(zip(names, self.table.T.cpu(), strict=True))
