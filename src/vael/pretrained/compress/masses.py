"""Tabulate p(x|z): the probability of every level of every dimension."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vael.errors import ConfigError
from vael.models.likelihoods.beta_binomial import BetaBinomialRecord
from vael.models.likelihoods.categorical import CategoricalRecord
from vael.models.likelihoods.mixture import MixtureRecord
from vael.models.likelihoods.numerics.beta_binomial import beta_binomial_table
from vael.models.trace import ObservedRecord
from vael.types import Shape


class MassTables:
    """The probabilities of the levels of a block of examples, ``x = k / (levels - 1)``.

    The dimensions come in stages, each given those before: the channels of a mixture of
    logistics, whose locations follow the channels seen; of all other families one stage.

    Args:
        px: p(x|z) with leading dimensions ``(1, B)``.
        shape: E, of one example.
        levels: of each dimension.

    Raises:
        ConfigError: a record whose dimensions cannot be told apart.
    """

    def __init__(self, px: ObservedRecord, shape: Shape, levels: int) -> None:
        self.shape, self.levels = shape, levels
        mixed = isinstance(px, MixtureRecord)
        self.px: Any = px if mixed else _by_dimension(px)
        channels = px.location.shape[-2] if isinstance(px, MixtureRecord) else 1
        size = int(np.prod(shape)) // channels
        self.stages = [slice(c * size, (c + 1) * size) for c in range(channels)]

    def table(self, stage: int, seen: npt.NDArray[np.int32]) -> Tensor:
        """Return the masses of the dimensions of a stage, ``(B, n, levels)``, up to factors.

        Args:
            stage: its number.
            seen: level numbers ``(B, D)``, of which those of earlier stages count.
        """
        batch, px = len(seen), self.px
        if isinstance(px, BetaBinomialRecord):
            last = self.levels - 1
            return _levels_last(beta_binomial_table(px.logits, px.log_concentration, last))
        if isinstance(px, CategoricalRecord):
            p = px.logits.softmax(px.axis).movedim(px.axis, 0)
            return _levels_last(p)
        x = torch.zeros(batch, int(np.prod(self.shape)))
        before = slice(0, self.stages[stage].start)
        x[:, before] = torch.from_numpy(seen[:, before]).float() / (self.levels - 1)
        logs = []
        for k in range(self.levels):
            x[:, self.stages[stage]] = k / (self.levels - 1)
            event = x.reshape(batch, *self.shape)
            if isinstance(px, MixtureRecord):
                logs.append(px.log_mass_of(event, stage + 1))
            else:
                logs.append(px.log_mass(event))
        table = _levels_last(torch.stack(logs))
        return (table - table.amax(-1, keepdim=True)).exp_()


def _levels_last(table: Tensor) -> Tensor:
    """Turn ``(levels, 1, B, *)`` into ``(B, n, levels)``."""
    return table[:, 0].flatten(2).permute(1, 2, 0).contiguous()


def _by_dimension(px: Any) -> Any:
    """Return the record with densities that are not summed over the dimensions."""
    if "event_dims" not in {field.name for field in fields(px)}:
        raise ConfigError(
            f"to compress, a likelihood's record must have a field event_dims (0: log_mass of "
            f"each dimension alone), but {type(px).__name__} has none."
        )
    return replace(px, event_dims=0)
