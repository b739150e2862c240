"""Hold a trained model with as much of its data as is asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vael.data.batches import take_batch
from vael.data.source import Arrays, Split
from vael.data.splits import SplitIndex, permute
from vael.errors import ConfigError
from vael.models.posteriors.base import PosteriorRecord
from vael.pretrained.generate.request import GenerateRequest
from vael.pretrained.loading import open_model
from vael.pretrained.model import Model
from vael.pretrained.trained import Trained, load_trained
from vael.randomness import Noise
from vael.report.draw import HIDDEN
from vael.report.tiles import REAL, show_real
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

    @property
    def told(self) -> dict[str, Any]:
        """What the model is told by the request for all that it decodes; empty: nothing."""
        return self.request.told

    def told_of(self, batch: Batch) -> dict[str, Any]:
        """Return what the data tells a conditional model of these examples."""
        return {} if batch.context is None else {"given": batch.context}

    def noise(self, *key: str) -> torch.Generator:
        """Return the generator of one purpose."""
        return Noise(self.request.seed, "latent").at(torch.device("cpu"), "generate", *key)

    def chosen(self, count: int) -> Batch:
        """Return ``count`` examples of the split, raw, chosen by the seed, or all if fewer."""
        arrays, index = self.trained.data.select(self.request.split)
        picked = permute(len(index), self.request.seed, "generate")[:count]
        return self._take(arrays, index[picked])

    def blocks(self, split: Split, most: int | None = None) -> Iterator[Batch]:
        """Yield the first examples of a split in its order, raw, a block at a time."""
        arrays, index = self.trained.data.select(split)
        index = index[:most]
        for start in range(0, len(index), BLOCK):
            yield self._take(arrays, index[start : start + BLOCK])

    def _take(self, arrays: Arrays, index: SplitIndex) -> Batch:
        """Take examples as a model is given them: levels among NaN are numbers in [0, 1]."""
        batch, levels = take_batch(arrays, index), self.trained.spec.raw_levels
        if levels and self.trained.spec.holes:
            return batch._replace(x=batch.x / (levels - 1))
        return batch

    @torch.no_grad()
    def aggregate(self) -> Tensor:
        """Draw once from q(z|x) for each of up to `MOST` training examples, flat, ``(N, d)``."""
        drawn, source = [], self.noise("aggregate")
        for batch in self.blocks("train", MOST):
            c = self.model.context(len(batch.x), **self.told_of(batch))
            q = self.model.vae.encode(self.model.prepare(batch.x), context=c)
            assert isinstance(q, PosteriorRecord)
            eps = torch.randn(1, len(batch.x), *self.model.vae.noise_shapes[0], generator=source)
            drawn.append(q.rsample(eps)[0].flatten(1))
        return torch.cat(drawn)

    def labels(self, split: Split, most: int | None) -> np.ndarray | None:
        """Return the labels of `blocks`, or None where there are none."""
        known = [batch.y for batch in self.blocks(split, most) if batch.y is not None]
        return torch.cat(known).numpy() if known else None

    def shown(self, x: Tensor) -> Tensor:
        """Return images in the units of their data as pictures show them, in [0, 1]."""
        real = self.model.spec.support == "real"
        return (show_real(self.model.preprocess(x)) if real else x).nan_to_num(nan=HIDDEN)

    @property
    def range_text(self) -> str:
        """What black and white are, where the images hold real numbers."""
        return REAL if self.model.spec.support == "real" else ""

    def require_images(self) -> None:
        """Refuse a model of a table, or of series.

        Raises:
            ConfigError: it is one.
        """
        if self.what != "images":
            raise ConfigError(
                f"{self.request.kind} shows images, but this model is of {self.what}: "
                "generate samples, reconstructions or encodings, which can be .npz."
            )

    def require_table(self) -> None:
        """Refuse a model of anything else, and means where rows are drawn.

        Raises:
            ConfigError: the model has no columns, or another sampler is asked for.
        """
        if self.what != "a table":
            raise ConfigError(
                f"a .csv holds a table, but this model is of {self.what}: add --output FILE.npz."
            )
        if self.request.sampler != "prior":
            raise ConfigError(
                "a .csv of samples has draws from p(x|z), but --sampler mixture gives means: add "
                "--output FILE.npz."
            )

    @property
    def what(self) -> str:
        """What the model is of."""
        return {1: "a table", 2: "series"}.get(len(self.model.spec.event_shape), "images")
