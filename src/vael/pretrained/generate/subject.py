"""Hold a trained model with as much of its data as is asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from vael.data.batches import take_batch
from vael.data.source import Split
from vael.data.splits import permute
from vael.models.posteriors.base import PosteriorRecord
from vael.pretrained.generate.request import GenerateRequest
from vael.pretrained.model import Model, open_model
from vael.pretrained.trained import Trained, load_trained
from vael.randomness import Noise
from vael.types import Batch

BLOCK = 1000  # examples at a time
MOST = 10_000  # encoded examples behind a mixture


@dataclass(frozen=True)
class Subject:
    """The model that generates; the data is read when it is first needed."""

    request: GenerateRequest

    @cached_property
    def trained(self) -> Trained:
        """The model with its data."""
        r = self.request
        return load_trained(r.path, r.overrides, r.allow, r.checkpoint)

    @cached_property
    def model(self) -> Model:
        """The model without its data, where that is not needed."""
        r = self.request
        if "trained" in self.__dict__ or r.overrides:
            return Model.of(self.trained)
        return open_model(r.path, r.allow, r.checkpoint)

    def noise(self, *key: str) -> torch.Generator:
        """Return the generator of one purpose."""
        return Noise(self.request.seed, "latent").at(torch.device("cpu"), "generate", *key)

    def chosen(self, count: int) -> Batch:
        """Return ``count`` examples of the split, raw, chosen by the seed, or all if fewer."""
        arrays, index = self.trained.data.select(self.request.split)
        picked = permute(len(index), self.request.seed, "generate")[:count]
        return take_batch(arrays, index[picked])

    def blocks(self, split: Split, most: int | None = None) -> Iterator[Batch]:
        """Yield the first examples of a split in its order, raw, a block at a time."""
        arrays, index = self.trained.data.select(split)
        index = index[:most]
        for start in range(0, len(index), BLOCK):
            yield take_batch(arrays, index[start : start + BLOCK])

    @torch.no_grad()
    def aggregate(self) -> Tensor:
        """Draw once from q(z|x) for each of up to `MOST` training examples, flat, ``(N, d)``."""
        drawn, source = [], self.noise("aggregate")
        for batch in self.blocks("train", MOST):
            q = self.model.vae.encode(self.model.prepare(batch.x))
            assert isinstance(q, PosteriorRecord)
            eps = torch.randn(1, len(batch.x), *self.model.vae.noise_shapes[0], generator=source)
            drawn.append(q.rsample(eps)[0].flatten(1))
        return torch.cat(drawn)

    def labels(self, split: Split, most: int | None) -> np.ndarray | None:
        """Return the labels of `blocks`, or None where there are none."""
        known = [batch.y for batch in self.blocks(split, most) if batch.y is not None]
        return torch.cat(known).numpy() if known else None
