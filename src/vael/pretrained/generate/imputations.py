"""Write a data set with its missing values filled."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from vael.data.batches import EVAL_CHUNK, take_batch
from vael.data.source import Array
from vael.errors import ConfigError
from vael.metrics.chunk_noise import ChunkNoise
from vael.metrics.evidence import NO_BOUND
from vael.metrics.imputation import impute
from vael.pretrained.generate.encode import encode_npz
from vael.pretrained.generate.subject import Subject
from vael.pretrained.generate.table import write_table
from vael.progress import Countdown
from vael.randomness import Noise

SAMPLES = 1000  # importance samples


def make_imputations(subject: Subject) -> bytes:
    """Fill every missing value by E[x|observed], or, with a count, by that many draws.

    All examples in the order of the file, those of validation and test included. A table is text
    with its columns' names, in its own units; a column ``draw`` tells several apart.

    Raises:
        ConfigError: the data has no missing values that the model leaves out.
    """
    r, spec = subject.request, subject.trained.spec
    if not spec.holes:
        raise ConfigError(
            "imputations fill missing values, which this run has none of: train it with "
            "data.missing=mask."
        )
    if not subject.model.vae.has_density:
        raise ConfigError(f"there are no imputations: {NO_BOUND}.")
    arrays = r.target.suffix == ".npz"
    if not arrays and len(spec.event_shape) > 1:
        raise ConfigError("imputations of images and series are arrays: add --output FILE.npz.")
    total = sum(map(len, subject.trained.data.cached.data.parts.values()))
    with Countdown("imputations", total) as countdown:
        parts = list(_fill(subject, r.count or 0, countdown))
    filled, observed = (np.concatenate(each) for each in zip(*parts, strict=True))
    if arrays:
        return encode_npz({"x": filled if r.count else filled[:, 0], "observed": observed})
    return write_table(filled, spec, numbered=bool(r.count))


def _fill(subject: Subject, draws: int, countdown: Countdown) -> Iterator[tuple[Array, Array]]:
    """Yield the filled examples ``(B, M, *E)`` of each chunk, and what was observed of them."""
    trained, device = subject.trained, torch.device("cpu")
    noise = Noise(subject.request.seed, "latent")
    vae, preprocess = subject.model.vae, subject.model.preprocess
    chunk = 0
    for arrays in trained.data.cached.data.parts.values():
        for start in range(0, len(arrays), EVAL_CHUNK):
            batch = take_batch(arrays, np.arange(start, min(start + EVAL_CHUNK, len(arrays))))
            corruption = Noise(trained.config.data.split_seed, "corruption")
            x: Tensor = preprocess(batch.x, corruption.at(device, "impute", chunk))
            with torch.inference_mode():
                made = impute(
                    vae,
                    x,
                    ChunkNoise(noise, x, "impute", chunk),
                    SAMPLES,
                    context=vae.context(batch.context),
                    draws=draws,
                    generator=noise.at(device, "impute draws", chunk) if draws else None,
                )
            values = preprocess.restore(made.draws if draws else made.mean[None].to(x.dtype))
            known = batch.x if trained.spec.raw_levels is None else x  # to the digit of the file
            filled = torch.where(torch.isnan(x), values, known)
            yield filled.transpose(0, 1).numpy(), (~torch.isnan(x)).numpy()
            chunk += 1
            countdown.add(len(batch.x))
