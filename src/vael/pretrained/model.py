"""Use a trained model: raw data in, tensors out; no data set needed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from omegaconf import DictConfig
from torch import Tensor

from vael.data.batches import EVAL_CHUNK
from vael.data.preprocess import Preprocess
from vael.errors import ConfigError, DataError
from vael.metrics.evidence import NO_BOUND, score_chunk
from vael.metrics.latent_activity import CHUNK, Activity, encode_all
from vael.models.codes import CodeRecord
from vael.models.latents.codes import Codes
from vael.models.posteriors.base import PosteriorRecord
from vael.models.trace import LatentRecord
from vael.models.vae import VAE
from vael.pretrained.inputs import ArrayLike, convert_examples, convert_latents
from vael.pretrained.told import Given, convert_told
from vael.pretrained.trained import Trained
from vael.randomness import Noise
from vael.types import DataSpec, Shape

CODES = "codes, which have no size: of each there is one or there is none"


class Encoding(NamedTuple):
    """Hold the moments of q(z|x) of each example.

    Attributes:
        mu: E[z], ``(N, d)``.
        sigma: standard deviation of each dimension, ``(N, d)``; None where it has no closed form.
    """

    mu: Tensor
    sigma: Tensor | None


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """A trained VAE without its data set.

    x is raw: for images integers 0 .. levels-1 (0 .. 255) or floats in [0, 1], ``(N, C, H, W)``;
    for a table, ``(N, D)``, and for images of real numbers, floats in their own units; see
    `vael.pretrained.inputs.convert_examples`. What comes out is float32 on the model's device:
    images in [0, 1], other data in its units. The same arguments give the same result; nothing has
    a gradient. A conditional model is told ``label=3``, or a class for each example; one of
    factors ``given={"shape": 1, "scale": [0, 3, 5]}``.

    Attributes:
        vae: in evaluation mode; for torch programs of one's own (`vael.models.VAE`).
        preprocess: from raw data to what ``vae`` sees: scaled, binarised, standardised.
        spec: what the data was that it was trained on.
        config: the run's.
        file: where the weights come from.
        device: where it computes.
    """

    vae: VAE
    preprocess: Preprocess
    spec: DataSpec
    config: DictConfig
    file: Path
    device: torch.device

    @classmethod
    def of(cls, trained: Trained) -> "Model":
        """Return the model of a run that was loaded with its data."""
        parts = trained.vae, trained.preprocess, trained.spec, trained.config
        return cls(*parts, trained.checkpoint, torch.device("cpu"))

    def __repr__(self) -> str:
        """Return the net, the data, the sizes and the file in one line."""
        chosen = self.config.get("choices", {})
        what = f"{chosen.get('model', 'VAE')} on {chosen.get('data', 'data')}"
        sizes = f"x {self.spec.event_shape}, z {self.latent_shape}, {self.vae.family}"
        return f"Model({what}, {sizes}, {self.file})"

    def to(self, device: str | torch.device) -> "Model":
        """Return the same model, moved."""
        place = torch.device(device)
        vae, preprocess = self.vae.to(place), self.preprocess.to(place)
        return replace(self, vae=vae, preprocess=preprocess, device=place)

    @property
    def latent_shape(self) -> Shape:
        """The shape of a latent, ``(d,)`` or that of a map, ``(c, h, w)``."""
        return self.vae.latent_shape

    def prepare(self, x: ArrayLike) -> Tensor:
        """Prepare x ``(N, *E)`` for ``vae``; a stochastic binarisation is drawn the same."""
        gaps = self.spec.holes or self.preprocess.fill is not None
        raw = convert_examples(x, self.spec, gaps).to(self.device)
        source = Noise(self.config.data.split_seed, "corruption").at(self.device, "model")
        seen: Tensor = self.preprocess(raw, source)
        return seen

    def context(
        self, count: int, label: ArrayLike | None = None, given: Given | None = None
    ) -> Tensor | None:
        """Return c of ``count`` examples, ``(count, C)``, for ``vae``; None: it takes none.

        Raises:
            ConfigError: a conditional model is told nothing, or another one something.
            DataError: a class that it was not trained on.
        """
        kind = self.config.condition.kind if self.spec.context else "none"
        told = convert_told(self.spec, kind, count, label, given)
        return self.vae.context(None if told is None else told.to(self.device))

    @torch.no_grad()
    def encode(
        self, x: ArrayLike, *, label: ArrayLike | None = None, given: Given | None = None
    ) -> Encoding:
        """Encode x ``(N, *E)`` as q(z|x): ``mu, sigma = model.encode(x)``.

        Raises:
            DataError: x has another shape or values out of range; of all methods that take x.
            ConfigError: as of `context`.
        """
        seen = self.prepare(x)
        parts = self._parts(seen, self.context(len(seen), label, given))
        records = [self.vae.encode(part, context=c) for part, c in parts]
        sigmas = [q.sigma if isinstance(q, PosteriorRecord) else None for q in records]
        known = [sigma for sigma in sigmas if sigma is not None]
        mu = torch.cat([q.mean for q in records])
        return Encoding(mu, torch.cat(known) if len(known) == len(records) else None)

    @torch.no_grad()
    def decode(
        self, z: ArrayLike, *, label: ArrayLike | None = None, given: Given | None = None
    ) -> Tensor:
        """Return E[x|z], the mean of p(x|z), ``(N, *E)`` for z ``(N, d)`` or ``(d,)``.

        Of several layers of latents z is of the top one, and those below are at their means.

        Raises:
            DataError: z has another shape, or is not finite.
            ConfigError: as of `context`.
        """
        latents = convert_latents(z, self.latent_shape).to(self.device)
        parts = self._parts(latents, self.context(len(latents), label, given))
        return self._restored([self.vae.decode_top(h[None], context=c).mean[0] for h, c in parts])

    @torch.no_grad()
    def codes(self, x: ArrayLike) -> Tensor:
        """Encode x ``(N, *E)`` as discrete codes, int64, ``(N, M)``, row by row of a map.

        Raises:
            ConfigError: the latents are not discrete; of `decode_codes`, too.
        """
        self._book()
        records = [self.vae.encode(part) for part in torch.split(self.prepare(x), CHUNK)]
        return torch.cat([q.codes for q in records if isinstance(q, CodeRecord)])

    def decode_codes(self, codes: ArrayLike) -> Tensor:
        """Return E[x|c], ``(N, *E)`` for codes ``(N, M)``.

        Raises:
            DataError: codes have another shape, or are none of 0 .. K-1.
        """
        book = self._book()
        chosen = torch.as_tensor(codes)
        length, size = book.code_prior.length, book.num_codes
        if chosen.ndim != 2 or chosen.shape[1] != length or chosen.is_floating_point():
            raise DataError(
                f"codes must be whole numbers of shape (N, {length}), but got "
                f"{tuple(chosen.shape)} {chosen.dtype}."
            )
        if len(chosen) == 0 or not 0 <= int(chosen.min()) <= int(chosen.max()) < size:
            raise DataError(f"codes must be from 0 to {size - 1}, but some are not.")
        return self.decode(book.family.look_up(chosen.long().to(self.device)))

    def _book(self) -> Codes:
        if not isinstance(self.vae.latents, Codes):
            raise ConfigError("this model has no codes: its latents are not discrete.")
        return self.vae.latents

    @torch.no_grad()
    def sample(
        self,
        n: int,
        temperature: float = 1.0,
        seed: int = 0,
        mean: bool = True,
        *,
        label: ArrayLike | None = None,
        given: Given | None = None,
    ) -> Tensor:
        """Draw ``n`` times from the model, ``(n, *E)``; the first are the same for any n.

        Args:
            n: how many.
            temperature: factor on the noise behind z; below 1, z stays near the prior's middle.
            seed: of the noise.
            mean: E[x|z] at z ~ p(z), which is what pictures show; False: x ~ p(x|z).
            label: of a conditional model, the class, or one for each of the n.
            given: of a conditional model, the numbers that it is told by name, or for each.

        Raises:
            ConfigError: n or temperature is not positive, or as of `context`.
        """
        if type(n) is not int or n < 1:
            raise ConfigError(f"n must be a whole number >= 1, but got {n!r}.")
        if not 0 < temperature < float("inf"):
            raise ConfigError(f"temperature must be a finite number > 0, but got {temperature!r}.")
        if self.vae.is_discrete and temperature != 1:
            raise ConfigError(f"temperature must be 1 for a model of {CODES}.")
        noise, made = Noise(seed, "latent"), []
        c = self.context(n, label, given)
        for chunk, start in enumerate(range(0, n, CHUNK)):
            source = noise.at(torch.device("cpu"), "sample", chunk)
            size = min(CHUNK, n - start)
            eps = tuple(
                temperature
                * torch.randn(1, CHUNK, *shape, generator=source)[:, :size].to(self.device)
                for shape in self.vae.prior_noise_shapes
            )
            px = self.vae.sample(eps, context=None if c is None else c[start : start + size])
            uniform = torch.rand(1, CHUNK, *self.spec.event_shape, generator=source)[:, :size]
            made.append((px.mean if mean else px.sample(uniform.to(self.device)))[0])
        return self._restored(made)

    @torch.no_grad()
    def reconstruct(
        self, x: ArrayLike, *, label: ArrayLike | None = None, given: Given | None = None
    ) -> Tensor:
        """Return E[x|z] at the posterior mean z of each x ``(N, *E)``, of the shape of x."""
        seen = self.prepare(x)
        parts = self._parts(seen, self.context(len(seen), label, given))
        return self._restored([self.vae.reconstruct(part, context=c) for part, c in parts])

    def log_prob(
        self,
        x: ArrayLike,
        samples: int = 100,
        seed: int = 0,
        *,
        label: ArrayLike | None = None,
        given: Given | None = None,
    ) -> Tensor:
        """Bound log p(x) with importance weights, nats, ``(N,)`` float64; bigger is better.

        Of a conditional model it is log p(x|c): two classes tell which one x fits better.

        ``log 1/k sum_s p(x|z_s) p(z_s) / q(z_s|x)`` (Burda et al. 2016, Eq. 8) with k =
        ``samples``; in expectation it grows with k to log p(x). It is what ``bpd`` is made of:
        data with levels get the log-*probability* of their levels, comparable between likelihoods
        whatever was trained (``bpd = -log_prob / (D log 2)``); data without levels the density of
        x as the model sees it: tables and images of real numbers in standardised units.

        Raises:
            ConfigError: samples is not positive, or q(z|x) has no density.
        """
        if not self.vae.has_density:
            raise ConfigError(f"there is no log_prob: {NO_BOUND}.")
        if type(samples) is not int or samples < 1:
            raise ConfigError(f"samples must be a whole number >= 1, but got {samples!r}.")
        noise, found = Noise(seed, "latent"), []
        with torch.inference_mode():
            seen = self.prepare(x)
            parts = self._parts(seen, self.context(len(seen), label, given), EVAL_CHUNK)
            for chunk, (part, c) in enumerate(parts):
                place, levels = ("log_prob", chunk), self.spec.levels
                weighed = score_chunk(
                    self.vae, part, noise, *place, samples, levels, drawn=EVAL_CHUNK, context=c
                )
                found.append((weighed.mass or weighed.fit).at(samples))
        return torch.cat(found)

    @torch.no_grad()
    def activity(
        self, x: ArrayLike, *, label: ArrayLike | None = None, given: Given | None = None
    ) -> Activity:
        """Measure what each latent dimension carries on average over x ``(N, *E)``, in nats.

        It is the KL to the prior; where that has no closed form by dimension, the variance of the
        posterior means. The result says which, and orders the dimensions.
        """
        seen = self.prepare(x)
        c = self.context(len(seen), label, given)
        return encode_all(self.vae, self.vae.prior(None if c is None else c[:1]), seen, c)[1]

    @torch.no_grad()
    def prior(self, *, label: ArrayLike | None = None, given: Given | None = None) -> LatentRecord:
        """Return p(z) of the top layer; p(z|c) of a conditional prior leads with ``(1,)``."""
        return self.vae.prior(self.context(1, label, given))

    @staticmethod
    def _parts(
        values: Tensor, c: Tensor | None, size: int = CHUNK
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Yield rows of examples or latents, with c of each."""
        for start in range(0, len(values), size):
            rows = slice(start, start + size)
            yield values[rows], None if c is None else c[rows]

    def _restored(self, parts: list[Tensor]) -> Tensor:
        return self.preprocess.restore(torch.cat(parts))
