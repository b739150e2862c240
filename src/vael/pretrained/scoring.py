"""Score single examples: a chunk of a split and its noise in, columns out."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vael.data.batches import EVAL_CHUNK, EvalBatch, EvalBatches
from vael.data.source import Split
from vael.data.splits import permute
from vael.metrics.bounds import sample_counts
from vael.metrics.evidence import Weighed, bits_per_dim, score_chunk
from vael.pretrained.trained import Trained
from vael.randomness import Noise

Columns = dict[str, npt.NDArray[np.float64]]
AUTOCAST = {"bf16": torch.bfloat16, "16": torch.float16}


@dataclass(frozen=True)
class Part:
    """Choose examples: a split, or a fixed choice of ``most`` of them in its order."""

    split: Split
    most: int | None = None


class Scorer:
    """Scores chunks by themselves: noise is keyed by `ChunkNoise`.

    It is the noise of ``vael train``: the same checkpoint and number of samples on the same kind
    of device give the ``test/*`` of summary.json again.

    Args:
        trained: the model with its data.
        device: where to compute.
        samples: K, importance samples per example; where q(z|x) has no density 1 is taken.
    """

    def __init__(self, trained: Trained, device: torch.device, samples: int) -> None:
        self.trained, self.device = trained, device
        self.vae = trained.vae.to(device)
        self.samples = samples if self.vae.has_density else 1
        self.ks = sample_counts(samples) if self.vae.has_density else ()
        self.preprocess = trained.preprocess.to(device)
        self.latent = Noise(trained.seeds.latent, "latent")
        self.corruption = Noise(trained.config.data.split_seed, "corruption")
        self.batches: dict[Part, EvalBatches] = {}

    def examples(self, part: Part) -> EvalBatches:
        """Return the chunks of these examples."""
        if part not in self.batches:
            arrays, index = self.trained.data.select(part.split)
            if part.most is not None and part.most < len(index):
                seed = self.trained.config.data.split_seed
                index = index[np.sort(permute(len(index), seed, "evaluate")[: part.most])]
            self.batches[part] = EvalBatches(arrays, index)
        return self.batches[part]

    def x(self, part: Part, batch: EvalBatch) -> Tensor:
        """Return the examples of a chunk as the likelihood sees them, on the device."""
        source = self.corruption.at(self.device, part.split, batch.chunk)
        x: Tensor = self.preprocess(batch.x.to(self.device), source)
        return x

    def context(self, batch: EvalBatch) -> Tensor | None:
        """Return c of the examples of a chunk, on the device; None of a model that takes none."""
        told = batch.context
        return self.vae.context(None if told is None else told.to(self.device))

    def weigh(
        self,
        part: Part,
        batch: EvalBatch,
        samples: int,
        ks: Sequence[int] = (),
        tick: Callable[[int], object] | None = None,
    ) -> Weighed:
        """Return the weights of a chunk's examples, see `vael.metrics.evidence.score_chunk`."""
        x, levels = self.x(part, batch), self.trained.spec.levels
        place = (part.split, batch.chunk)
        return score_chunk(
            self.vae,
            x,
            self.latent,
            *place,
            samples,
            levels,
            ks=ks,
            tick=tick,
            context=self.context(batch),
            num_dims=self.trained.spec.count_dims(part.split),
        )

    def precision(self) -> AbstractContextManager[Any]:
        """Return autocast where the run was trained with it."""
        dtype = AUTOCAST.get(str(self.trained.config.trainer.precision))
        return nullcontext() if dtype is None else torch.autocast(self.device.type, dtype)

    def score(self, part: Part, chunk: int, tick: Callable[[int], None]) -> Columns:
        """Return the scores of a chunk, ``(B,)`` each, see `tabulate_scores`.

        Args:
            part: whose chunk it is.
            chunk: its number.
            tick: told how many (example, sample) pairs are under way, again and again.
        """
        batch = self.examples(part).at(chunk)
        with torch.inference_mode(), self.precision():
            found = self.weigh(part, batch, self.samples, self.ks, tick)
            dims = self.trained.spec.count_dims(part.split)
            return tabulate_scores(found, self.ks, dims)


def tabulate_scores(found: Weighed, ks: tuple[int, ...], num_dims: float) -> Columns:
    """Return scores by name: elbo, rate, distortion, mse, at_bound, ess, ``nll_K``, ``bpd_K``, ...

    nll and elbo are those of the trained fit; the effective sample size is that of the weights
    behind the score that is ranked by: bpd, or nll for data without levels. Without any k, where
    q(z|x) has no density, there are only distortion, mse and at_bound.
    """
    scores = found.evidence
    named = {"distortion": scores.distortion, "mse": scores.mse, "at_bound": scores.at_bound}
    if ks:
        ess = (found.mass or found.fit).effective_samples()
        named |= {"elbo": scores.elbo, "rate": scores.rate, "ess": ess}
    jackknife = found.fit.jackknife()
    if jackknife is not None:
        named["nll_jackknife"] = -jackknife
    for k in ks:
        named[f"nll_{k}"] = -found.fit.at(k)
        if found.mass is not None:
            named[f"bpd_{k}"] = bits_per_dim(found.mass.at(k), num_dims)
    read = torch.stack([value.double() for value in named.values()]).cpu().numpy()  # at once
    return dict(zip(named, read, strict=True))


def list_chunks(scorer: Scorer, parts: tuple[Part, ...]) -> list[tuple[Part, int]]:
    """Return every chunk of every part, in order."""
    sizes = {part: -(-len(scorer.examples(part).index) // EVAL_CHUNK) for part in parts}
    return [(part, chunk) for part in parts for chunk in range(sizes[part])]
