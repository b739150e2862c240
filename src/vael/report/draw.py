"""The standard pictures of a trained VAE: reconstructions, samples, traversal, latent scatter."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from vael.randomness import Noise
from vael.report import pictures
from vael.report.pictures import Picture
from vael.trace import LatentRecord, ObservedRecord
from vael.types import Shape

RECONSTRUCTIONS = 20
SAMPLES = 60
DIMS = 8
STEPS = 11
REACH = 2.5


class FactorisedRecord(Protocol):
    """q(z|x) with leading dimension ``(B,)`` whose rate can be told apart by dimension."""

    @property
    def mean(self) -> Tensor:
        """E[z], ``(B, d)``."""
        ...

    def factors(self, p: LatentRecord) -> Tensor:
        """KL(q || p) of each dimension, nats, ``(B, d)``."""
        ...


class Drawable(Protocol):
    """What of a VAE the pictures need; noise is an input."""

    @property
    def noise_shapes(self) -> Sequence[Shape]:
        """Event shape of the noise of each stochastic layer, top first."""
        ...

    def encode(self, x: Tensor) -> FactorisedRecord:
        """q(z|x) for x ``(B, *E)``."""
        ...

    def decode(self, z: Tensor) -> ObservedRecord:
        """p(x|z) for z ``(S, B, d)``."""
        ...

    def sample(self, eps: tuple[Tensor, ...]) -> ObservedRecord:
        """p(x|z) with z drawn from the prior by the noise, ``(S, B, *Z)`` for each layer."""
        ...


@torch.no_grad()
def draw(
    vae: Drawable, p: LatentRecord, x: Tensor, y: Tensor | None = None, seed: int = 0
) -> dict[str, Picture]:
    """The pictures of a model, by name; the same arguments give the same pictures.

    The model must be in evaluation mode, on the device of x. Images give all four pictures; a
    table has no traversal.

    Args:
        vae: the model.
        p: the prior, to which the rate of each dimension is measured.
        x: held-out examples as the likelihood sees them, ``(B, *E)`` float; all are encoded (a
            few thousand make a good scatter), the first ones are shown.
        y: class labels ``(B,)``, or None.
        seed: of the noise behind the samples.
    """
    q = vae.encode(x)
    mu, rates = q.mean, q.factors(p).mean(0)
    order = rates.argsort(descending=True, stable=True)
    shown = x[:RECONSTRUCTIONS] if x.ndim == 4 else x
    decoded = vae.decode(mu[None, : len(shown)]).mean[0]
    count = SAMPLES if x.ndim == 4 else len(x)
    samples = vae.sample(_noise(vae, count, seed, x)).mean[0]
    made = _of_images(shown, decoded, samples) if x.ndim == 4 else _of_tables(
        shown, decoded, samples
    )
    if x.ndim == 4:
        made["traversal"] = _traversal(vae, mu[0], order[:DIMS], rates)
    made["latent_scatter"] = _scatter(mu, order, rates, y, seed)
    return made


def save_all(drawn: dict[str, Picture], folder: Path) -> list[Path]:
    """Writes each picture to ``folder/NAME.png``, atomically."""
    return [pictures.save(picture, folder / f"{name}.png") for name, picture in drawn.items()]


def _noise(vae: Drawable, count: int, seed: int, like: Tensor) -> tuple[Tensor, ...]:
    """Standard normal noise ``(1, count, *Z)``, drawn on the CPU: all devices show the same."""
    stream = Noise(seed, "latent").at(torch.device("cpu"), "pictures")
    return tuple(
        torch.randn(1, count, *shape, generator=stream).to(like.device, like.dtype)
        for shape in vae.noise_shapes
    )


def _of_images(x: Tensor, decoded: Tensor, samples: Tensor) -> dict[str, Picture]:
    """Grids of images."""
    return {
        "reconstructions": Picture(
            pictures.reconstructions(x, decoded),
            "Held-out examples, and below each the mean of p(x|z) at its posterior mean z.",
        ),
        "samples": Picture(
            pictures.sample_grid(samples),
            "Means of p(x|z) for z drawn from the prior p(z): what the model makes up.",
        ),
    }


def _of_tables(x: Tensor, decoded: Tensor, samples: Tensor) -> dict[str, Picture]:
    """Plots by column."""
    return {
        "reconstructions": Picture(
            pictures.table_reconstructions(x, decoded),
            "Held-out values against the mean of p(x|z) at their posterior mean; on the dashed "
            "line the two agree.",
        ),
        "samples": Picture(
            pictures.table_comparison(x, samples),
            "Held-out values (filled) and means of p(x|z) for z drawn from the prior p(z) "
            "(outline); means spread less than samples of p(x|z) would.",
        ),
    }


def _traversal(vae: Drawable, start: Tensor, dims: Tensor, rates: Tensor) -> Picture:
    """The most active dimensions, one at a time, from -REACH to REACH around one example."""
    values = torch.linspace(-REACH, REACH, STEPS, device=start.device, dtype=start.dtype)
    z = start.repeat(len(dims), STEPS, 1)
    for row, dim in enumerate(dims.tolist()):
        z[row, :, dim] = values
    decoded = vae.decode(z.flatten(0, 1)[None]).mean[0]
    labels = [f"z{dim}\n{rates[dim]:.2f} nats" for dim in dims.tolist()]
    frames = decoded.reshape(len(dims), STEPS, *decoded.shape[1:])
    image = pictures.traversal(frames, labels, values.tolist())
    return Picture(
        image,
        f"The {len(dims)} most active latent dimensions with their mean KL to the prior: each is "
        "moved alone, the others stay at the posterior mean of the first example.",
    )


def _scatter(
    mu: Tensor, order: Tensor, rates: Tensor, y: Tensor | None, seed: int
) -> Picture:
    """Posterior means in the two most active dimensions; one dimension is spread by jitter."""
    names = [f"z{dim}   ({rates[dim]:.2f} nats)" for dim in order[:2].tolist()]
    points = mu[:, order[:2]]
    what = "the two most active latent dimensions"
    if points.shape[1] == 1:
        stream = Noise(seed, "latent").at(torch.device("cpu"), "jitter")
        jitter = torch.rand(len(mu), 1, generator=stream).to(points)
        points, names = torch.cat([points, jitter], 1), [names[0], "jitter (no meaning)"]
        what = "the only latent dimension"
    return Picture(
        pictures.latent_scatter(points, y, (names[0], names[1])),
        f"Posterior means of {len(mu):,} held-out examples in {what}"
        + (", coloured by label." if y is not None else "."),
    )
