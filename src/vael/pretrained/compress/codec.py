"""What a model says about blocks of examples and latents, the same to the bit each time.

Floating-point sums depend on the shape of what is summed: every block is filled up to one number
of rows, and one thread computes.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod

import numpy as np
import torch
from torch import Tensor

from vael.errors import ConfigError
from vael.models.latents import Flat
from vael.models.posteriors.normal import NormalRecord
from vael.models.vae import VAE
from vael.pretrained.compress.bins import Floats, Ints, LatentBins
from vael.pretrained.compress.masses import MassTables
from vael.pretrained.compress.weights import round_to_weights
from vael.randomness import derive_seed
from vael.types import Shape

MOST_ROWS = 64
TABLE = 2**20  # numbers of a table of masses: 4 MiB, which a core's cache holds
LARGEST = 2**28  # of the table of one example: 1 GiB


class Codec:
    """A VAE as a pair of laws over bins of z and levels of x.

    Args:
        vae: in evaluation mode on the CPU.
        shape: E, of one example.
        levels: of each dimension, as the likelihood sees them.
        rows: of every evaluation; None: as many as fit, a power of 2 up to 64.

    Raises:
        ConfigError: a model that cannot compress.
    """

    def __init__(
        self, vae: VAE, shape: Shape, levels: int | None, rows: int | None = None
    ) -> None:
        if vae.holes:
            raise ConfigError(
                "compress needs examples without holes: a file must give back every value, but "
                "this model leaves missing ones out (data.missing=mask)."
            )
        if levels is None:
            raise ConfigError(
                f"compress needs data with levels (x = k / (levels - 1)): a density, such as that "
                f"of likelihood={vae.family} here, gives an example no probability, and so no "
                "length in bits."
            )
        self.size = prod(shape)
        if self.size * levels > LARGEST:
            raise ConfigError(
                f"compress needs a table of all levels of an example, at most {LARGEST:,} "
                f"numbers, but {self.size:,} dimensions of {levels:,} levels make "
                f"{self.size * levels:,}."
            )
        self.vae, self.shape, self.levels = vae, shape, levels
        self.rows = rows or _choose_rows(self.size * levels)
        self.bins = LatentBins()
        with one_thread():
            still = torch.zeros(self.rows, *shape)
            self.prior_mean, self.prior_sigma = _normal_prior(vae, still)
        self.latents = len(self.prior_mean)

    def posterior(self, k: Ints) -> tuple[Floats, Floats]:
        """Return mean and deviation of q(z|x) in units of the prior, ``(n d,)`` each.

        Args:
            k: level numbers of n examples, ``(n, D)``, n up to ``rows``.
        """
        x = torch.zeros(self.rows, *self.shape)
        x[: len(k)] = torch.from_numpy(k.reshape(-1, *self.shape)).float() / (self.levels - 1)
        with torch.inference_mode():
            q = _checked(self.vae.encode(x), "posterior")
            mean, sigma = (t.reshape(self.rows, -1).double().numpy() for t in (q.mean, q.sigma))
        mean, sigma = (mean - self.prior_mean) / self.prior_sigma, sigma / self.prior_sigma
        if not (np.isfinite(mean).all() and np.isfinite(sigma).all() and (sigma > 0).all()):
            raise ConfigError(
                "q(z|x) must have finite means and deviations above 0 to compress, but some have "
                "none: the weights have diverged; use another checkpoint."
            )
        return mean[: len(k)].ravel(), sigma[: len(k)].ravel()

    def masses(self, bins: Ints) -> MassTables:
        """Return p(x|z) at the middles of bins ``(n d,)`` of z, for all rows."""
        z = np.zeros((self.rows, self.latents))
        found = self.bins.centres[bins].reshape(-1, self.latents)
        z[: len(found)] = found
        z = self.prior_mean + self.prior_sigma * z
        with torch.inference_mode():
            event = self.vae.noise_shapes[0]
            px = self.vae.decode(torch.from_numpy(z).float().reshape(1, self.rows, *event))
            return MassTables(px, self.shape, self.levels)

    def probe(self) -> str:
        """Return a hash of the probabilities at inputs that a seed gives: no other, no decoding.

        Other instructions of the processor or another library give other last bits, and with
        them all examples wrong.
        """
        state = hashlib.sha256()
        draw = np.random.RandomState(derive_seed("compress", "probe") % 2**32)
        k = draw.randint(self.levels, size=(self.rows, self.size)).astype(np.int32)
        mean, sigma = self.posterior(k)
        coarse = draw.randint(256, size=len(mean)).astype(np.int32)
        for part in (
            mean,
            sigma,
            round_to_weights(self.bins.coarse_masses(mean, sigma)),
            round_to_weights(self.bins.fine_masses(mean, sigma, coarse)),
        ):
            state.update(np.ascontiguousarray(part).tobytes())
        tables = self.masses(coarse * 256 + 128)
        for stage in range(len(tables.stages)):
            state.update(round_to_weights(tables.table(stage, k).flatten(0, 1)).tobytes())
        return state.hexdigest()

    def digest(self) -> str:
        """Return a hash of the weights."""
        state = hashlib.sha256()
        for name, value in sorted(self.vae.state_dict().items()):
            state.update(f"{name} {value.dtype} {tuple(value.shape)}\0".encode())
            state.update(value.contiguous().numpy().tobytes())
        return state.hexdigest()


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread: several would take sums in another order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)


def _choose_rows(numbers: int) -> int:
    """Return the largest power of 2 up to `MOST_ROWS` whose tables fit."""
    rows = MOST_ROWS
    while rows > 1 and rows * numbers > TABLE:
        rows //= 2
    return rows


def _normal_prior(vae: VAE, x: Tensor) -> tuple[Floats, Floats]:
    """Return mean and deviation of p(z), ``(d,)`` each."""
    if vae.condition is not None:
        raise ConfigError(
            "compress needs a model without a condition: what is told of an example is not in the "
            "file; train with condition=none."
        )
    if not isinstance(vae.latents, Flat):
        raise ConfigError(
            "compress needs one layer of flat latents, but this model has "
            f"{type(vae.latents).__name__}."
        )
    _checked(vae.encode(x), "posterior")
    p = _checked(vae.latents.prior(vae.latents.posterior), "prior")
    mean, sigma = (t.reshape(-1).double().numpy() for t in (p.mean, p.sigma))
    return mean, sigma


def _checked(record: object, which: str) -> NormalRecord:
    if not isinstance(record, NormalRecord):
        raise ConfigError(
            f"compress needs a {which} whose dimensions are independent normals "
            f"(posterior=normal, prior=standard_normal), but got a {type(record).__name__}."
        )
    return record
