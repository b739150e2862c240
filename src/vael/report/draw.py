"""Draw the standard pictures of a VAE: reconstructions, samples, traversal, latent scatter."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from vael.metrics.latent_activity import CHUNK, Activity, encode_all, name_dim
from vael.metrics.latent_range import LatentRange, measure_range
from vael.models.condition import LabelCondition
from vael.models.posteriors.base import PosteriorRecord
from vael.models.trace import LatentRecord
from vael.models.vae import VAE
from vael.randomness import Noise
from vael.report import figures, pictures
from vael.report.code_pictures import draw_code_pictures
from vael.report.latent_maps import CHANNELS, draw_channel_maps
from vael.report.pictures import Picture, Show
from vael.report.series import LOW_TO_HIGH, draw_series_pictures, draw_series_traversal
from vael.report.tiles import REAL, show_real
from vael.types import Shape

RECONSTRUCTIONS = 20
SAMPLES = 60
ROWS, EXAMPLES = 20, 6  # of samples of a conditional model: classes, or examples that tell c
STYLES = 10  # in each row
DIMS = 8
STEPS = 11
MAPS = 4  # examples with their maps of latents
HIDDEN = 0.5  # the grey of a missing pixel
MAX_ROWS = 2000  # of a table are drawn
SERIES = 9


@torch.no_grad()
def draw_pictures(
    vae: VAE,
    p: LatentRecord,
    x: Tensor,
    y: Tensor | None = None,
    seed: int = 0,
    scatter: bool = True,
    columns: Sequence[str] = (),
    real: bool = False,
    context: Tensor | None = None,
) -> dict[str, Picture]:
    """Draw the pictures of a model, by name; the same arguments give the same pictures.

    The model must be in evaluation mode, on the device of x. Images and series give a traversal,
    a table does not. A latent that is a map is drawn by channel. Codes have neither traversal nor
    scatter, but pictures of themselves, see `vael.report.code_pictures`.

    Args:
        vae: the model.
        p: the prior, to which the rate of each dimension is measured.
        x: held-out examples as the likelihood sees them, ``(B, *E)`` float; all are encoded (a
            few thousand make a good scatter), the first ones are shown.
        y: class labels ``(B,)``, or None.
        seed: of the noise behind the samples.
        scatter: whether to draw the latent scatter, which takes longer than all others.
        columns: names of the columns of a table, where they have any.
        real: whether images hold standardised real numbers, not values in [0, 1].
        context: c of each example, ``(B, C)``, of a conditional model. The picture of samples then
            has a row for each class, each column with the same noise behind z.
    """
    mu, activity = encode_all(vae, p, x, context)
    shown = x[: RECONSTRUCTIONS if x.ndim == 4 else MAX_ROWS]
    parts = torch.split(mu[: len(shown)], CHUNK)
    told = [None] * len(parts) if context is None else torch.split(context[: len(shown)], CHUNK)
    if len(vae.noise_shapes) > 1:  # the top layer alone is not what x is reconstructed from
        parts = torch.split(shown, CHUNK)
        again = [vae.reconstruct(part, context=c) for part, c in zip(parts, told, strict=True)]
    else:
        again = [_decode(vae, z, c) for z, c in zip(parts, told, strict=True)]
    decoded = torch.cat(again)
    show: Show = show_real if real and x.ndim == 4 else lambda values: values
    range_ = REAL if real else ""
    count = SAMPLES if x.ndim == 4 else len(shown)
    first = None if context is None else context[:1]
    if x.ndim == 4:
        shown = shown.nan_to_num(nan=0.0 if real else HIDDEN)
        made = {"reconstructions": _draw_reconstructions(show(shown), show(decoded), range_)}
        if context is None:
            samples = vae.sample(_noise(vae, count, seed, x)).mean[0]
            made["samples"] = _draw_samples(show(samples), range_)
        else:
            made["samples"] = _draw_conditional_samples(vae, context, seed, show, range_)
        if not vae.is_discrete and len(vae.latent_shape) == 3:
            c = None if context is None else context[:MAPS]
            made["latent_maps"] = _draw_latent_maps(vae, p, x[:MAPS], c, show(shown[:MAPS]))
    elif x.ndim == 3:
        every = None if context is None else context[:SERIES]
        count = SERIES if every is None else len(every)
        samples = vae.sample(_noise(vae, count, seed, x), context=every).mean[0]
        made = draw_series_pictures(shown[:SERIES], decoded[:SERIES], samples)
    else:
        every = None if context is None else context[:count]
        samples = vae.sample(_noise(vae, count, seed, x), context=every).mean[0]
        made = _draw_tables(shown, decoded, samples, columns)
    if x.ndim > 2 and not vae.is_discrete:
        prior = p if first is None else vae.prior(first)
        reach = measure_range(prior, vae.prior_noise_shapes[0])
        made["traversal"] = _draw_traversal(vae, mu[0], activity, reach, show, range_, first)
    if vae.is_discrete:
        seen = x.nan_to_num(nan=0.0 if real else HIDDEN)
        made |= draw_code_pictures(vae, mu, seen, decoded, show, range_)
    elif scatter:
        made["latent_scatter"] = _draw_scatter(mu, vae.latent_shape, activity, y, seed)
    return made


def save_pictures(drawn: dict[str, Picture], folder: Path) -> list[Path]:
    """Write each picture to ``folder/NAME.png``, atomically."""
    return [
        pictures.save_picture(picture, folder / f"{name}.png") for name, picture in drawn.items()
    ]


def _decode(vae: VAE, rows: Tensor, context: Tensor | None) -> Tensor:
    """Return the mean of p(x|z) for latents ``(N, d)``, whatever the shape of one is."""
    z = rows.reshape(1, -1, *vae.latent_shape)
    mean: Tensor = vae.decode_top(z, context=context).mean[0]
    return mean


def _noise(vae: VAE, count: int, seed: int, like: Tensor) -> tuple[Tensor, ...]:
    """Draw noise for the prior on the CPU, so that all devices show the same."""
    stream = Noise(seed, "latent").at(torch.device("cpu"), "pictures")
    return tuple(
        torch.randn(1, count, *shape, generator=stream).to(like.device, like.dtype)
        for shape in vae.prior_noise_shapes
    )


def _draw_reconstructions(x: Tensor, decoded: Tensor, range_: str) -> Picture:
    return Picture(
        pictures.draw_reconstructions(x, decoded),
        "Held-out examples, and below each the mean of p(x|z) at its posterior mean z." + range_,
    )


def _draw_samples(samples: Tensor, range_: str) -> Picture:
    return Picture(
        pictures.draw_samples(samples),
        "Means of p(x|z) for z drawn from the prior p(z): what the model makes up." + range_,
    )


def _draw_conditional_samples(
    vae: VAE, context: Tensor, seed: int, show: Show, range_: str
) -> Picture:
    """Draw a row for each class, or for the first examples' c, with the same noise in a column."""
    condition = vae.condition
    if isinstance(condition, LabelCondition):
        told = torch.arange(min(condition.classes, ROWS), device=context.device)[:, None]
        c, labels = condition(told.to(context.dtype)), [f"class {n}" for n in range(len(told))]
        whose = "class" if len(told) == condition.classes else f"of the first {len(told)} classes"
    else:
        c, whose = context[:EXAMPLES], "held-out example, which tells c"
        labels = [f"c of {n}" for n in range(len(c))]
    noise = [eps.repeat(1, len(c), *[1] * (eps.ndim - 2)) for eps in _noise(vae, STYLES, seed, c)]
    samples = vae.sample(tuple(noise), context=c.repeat_interleave(STYLES, 0)).mean[0]
    tiles = show(samples).reshape(len(c), STYLES, *samples.shape[1:])
    return Picture(
        pictures.draw_rows(tiles, labels),
        f"Means of p(x|z, c) for z drawn from the prior p(z|c), a row for each {whose}; the noise "
        "behind z is the same in a column." + range_,
    )


def _draw_tables(
    x: Tensor, decoded: Tensor, samples: Tensor, columns: Sequence[str]
) -> dict[str, Picture]:
    """Draw plots by column, in the units that the model sees."""
    number = x.shape[1]
    which = (
        f"The first {figures.COLUMNS} of {number} columns"
        if number > figures.COLUMNS
        else "All columns"
    )
    units = (
        f"{which}, each number in standard deviations from its mean in training, counts and "
        "categories of likelihood=mixed as they are."
    )
    return {
        "reconstructions": Picture(
            figures.draw_table_reconstructions(x, decoded, columns),
            "Held-out values against the mean of p(x|z) at their posterior mean; on the dashed "
            f"line the two agree. {units}",
        ),
        "samples": Picture(
            figures.draw_table_samples(x, samples, columns),
            "Held-out values (filled) and means of p(x|z) for z drawn from the prior p(z) "
            f"(outline); means spread less than samples of p(x|z) would. {units}",
        ),
    }


def _draw_traversal(
    vae: VAE,
    start: Tensor,
    activity: Activity,
    reach: LatentRange,
    show: Show,
    range_: str,
    context: Tensor | None,
) -> Picture:
    """Move the most active dimensions, one at a time, through the prior around one example."""
    dims = activity.order(DIMS)
    values = reach.space(dims, STEPS)
    z = start.repeat(len(dims), STEPS, 1)
    for row, dim in enumerate(dims):
        z[row, :, dim] = values[row]
    decoded = _decode(vae, z.flatten(0, 1), context)
    labels = [f"{name_dim(dim, vae.latent_shape)}\n{activity.text(dim)}" for dim in dims]
    frames = show(decoded).reshape(len(dims), STEPS, *decoded.shape[1:])
    number = "All latent dimensions, the most active first,"
    if len(dims) < len(start):
        number = f"The {len(dims)} most active latent dimensions"
    measure = "mean KL to the prior" if activity.in_nats else "variance over the examples"
    text = (
        f"{number} with their {measure}: each is moved alone from the 0.6 % to the 99.4 % "
        "quantile of the prior, the others stay at the posterior mean of the first example."
    )
    if frames.ndim == 4:  # series
        return Picture(draw_series_traversal(frames, labels), f"{text} {LOW_TO_HIGH}")
    return Picture(pictures.draw_traversal(frames, labels, values), text + range_)


def _draw_latent_maps(
    vae: VAE, p: LatentRecord, x: Tensor, context: Tensor | None, shown: Tensor
) -> Picture:
    """Draw posterior means and KL at each place of the latents of a few examples."""
    q = vae.encode(x, context=context)
    prior = p if context is None else vae.prior(context)
    rates = q.factors(prior) if isinstance(q, PosteriorRecord) else None
    image, colours = draw_channel_maps(shown, q.mean, rates)
    channels = f"the {vae.latent_shape[0]} channels"
    if vae.latent_shape[0] > CHANNELS:
        channels = f"the {CHANNELS} channels that carry most"
    what = (
        ""
        if rates is None
        else ", below it that of their KL to the prior (in the header its sum, mean of these)"
    )
    return Picture(
        image,
        f"Held-out examples, and of {channels} the map of their posterior means{what}.{colours}",
    )


def _draw_scatter(
    mu: Tensor, shape: Shape, activity: Activity, y: Tensor | None, seed: int
) -> Picture:
    """Draw posterior means in the two most active dimensions, a single one spread by jitter."""
    dims = activity.order(2)
    names = [f"{name_dim(dim, shape)}   ({activity.text(dim)})" for dim in dims]
    points, what = mu[:, dims], "the two most active latent dimensions"
    if len(dims) == 1:
        stream = Noise(seed, "latent").at(torch.device("cpu"), "jitter")
        jitter = torch.rand(len(mu), 1, generator=stream).to(points)
        points, names = torch.cat([points, jitter], 1), [names[0], "jitter (no meaning)"]
        what = "the only latent dimension"
    return Picture(
        figures.draw_scatter(points, y, (names[0], names[1])),
        f"Posterior means of {len(mu):,} held-out examples in {what}"
        + (", coloured by label." if y is not None else "."),
    )
