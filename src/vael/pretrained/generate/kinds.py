"""Generate a file of each kind from a trained model."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vael.errors import ConfigError
from vael.files import write_bytes
from vael.metrics.latent_activity import name_dim
from vael.metrics.latent_range import measure_range
from vael.pretrained.generate.classes import make_class_samples, make_classes
from vael.pretrained.generate.encode import encode_gif, encode_npz
from vael.pretrained.generate.imputations import make_imputations
from vael.pretrained.generate.interpolation import WAYS
from vael.pretrained.generate.mixture import Mixture
from vael.pretrained.generate.request import GenerateRequest
from vael.pretrained.generate.subject import Subject
from vael.pretrained.generate.table import write_table
from vael.pretrained.model import CODES
from vael.report import pictures
from vael.report.figures import draw_table_reconstructions, draw_table_samples
from vael.report.pictures import Picture, encode_png, label_values
from vael.report.series import LOW_TO_HIGH, draw_series, draw_series_traversal
from vael.report.tiles import TileRow, draw_sheet, make_tiles

MOST_ACTIVE = 2000  # examples behind the order of the dimensions


def make_samples(subject: Subject) -> bytes:
    """Draw E[x|z] for z from the prior or from a mixture in its place; into a .csv x ~ p(x|z)."""
    r = subject.request
    rows = r.target.suffix == ".csv"
    if rows:
        subject.require_table()
    told, number = subject.told, r.number
    if subject.model.spec.context and not told:
        if len(subject.model.spec.event_shape) == 3 or r.sampler != "prior":
            return make_class_samples(subject)
        batch = subject.chosen(number)  # a table: each draw is told what a row is
        told, number = subject.told_of(batch), len(batch.x)
    if r.sampler == "prior":
        made = subject.model.sample(number, r.temperature, r.seed, not rows, **told)
    else:
        _continuous_only(subject, "--sampler mixture")
        mixture = Mixture.fit(subject.aggregate(), r.components, r.seed)
        z = mixture.sample(r.number, r.temperature, subject.noise("mixture"))
        made = subject.model.decode(z.reshape(-1, *subject.model.latent_shape), **told)
    if r.target.suffix == ".npz":
        return encode_npz({"x": made.numpy()})
    if rows:
        return write_table(made[:, None].numpy(), subject.model.spec)
    text = f"Means of p(x|z), z from the {r.sampler}, seed {r.seed}, temperature {r.temperature}."
    if made.ndim == 4:
        text += subject.range_text
        return encode_png(Picture(pictures.draw_samples(subject.shown(made)), text))
    if made.ndim == 3:
        return encode_png(Picture(draw_series(made), text))
    data = torch.cat([batch.x for batch in subject.blocks(r.split, len(made))])
    names = subject.model.spec.columns
    return encode_png(Picture(draw_table_samples(data, made, names), text))


def make_reconstructions(subject: Subject) -> bytes:
    """Reconstruct examples: E[x|z] at their posterior means."""
    r, model = subject.request, subject.model
    batch = subject.chosen(r.number)
    x = model.preprocess.restore(model.prepare(batch.x))
    again = model.reconstruct(batch.x, **subject.told_of(batch))
    if r.target.suffix == ".npz":
        return encode_npz({"x": x.numpy(), "reconstruction": again.numpy()})
    text = f"Examples of {r.split}, and the mean of p(x|z) at the posterior mean of each."
    if x.ndim == 4:
        text += subject.range_text
        pair = subject.shown(x), subject.shown(again)
        return encode_png(Picture(pictures.draw_reconstructions(*pair), text))
    if x.ndim == 3:
        return encode_png(Picture(draw_series(again, x), f"{text} Dots: the examples."))
    return encode_png(Picture(draw_table_reconstructions(x, again, model.spec.columns), text))


def make_traversal(subject: Subject) -> bytes:
    """Move the most active dimensions, each alone around the posterior means of examples."""
    r, model = subject.request, subject.model
    series = subject.what == "series"
    if series and r.target.suffix == ".gif":
        raise ConfigError("a traversal of series is a picture: add --output FILE.png.")
    if not series:
        subject.require_images()
    _continuous_only(subject, r.kind)
    seen = next(subject.blocks(r.split, MOST_ACTIVE))
    activity = model.activity(seen.x, **subject.told_of(seen))
    dims = activity.order(r.dims)
    count = 1 if r.target.suffix == ".png" and r.count is None else r.number
    batch = subject.chosen(count)
    of_first = subject.told or {name: rows[:1] for name, rows in subject.told_of(batch).items()}
    reach = measure_range(model.prior(**of_first), model.vae.prior_noise_shapes[0])
    values = reach.space(dims, r.steps)
    shape = model.latent_shape
    names = [f"{name_dim(dim, shape)}\n{activity.text(dim)}" for dim in dims]
    labels, header = label_values(names, values)
    mu = model.encode(batch.x, **subject.told_of(batch)).mu.flatten(1)
    z = mu[None, :, None].repeat(len(dims), 1, r.steps, 1)  # (dims, examples, steps, d)
    for row, dim in enumerate(dims):
        z[row, :, :, dim] = values[row]
    told = batch.context
    if told is not None:
        told = told[None, :, None].expand(len(dims), -1, r.steps, -1)
    made = _decoded(subject, z, told)
    made = made if series else subject.shown(made)
    text = (
        f"The {len(dims)} most active latent dimensions with their mean KL or variance: each "
        "moved alone from the 0.6 % to the 99.4 % quantile of the prior, the others at the "
        "posterior mean." + subject.range_text
    )
    if series:
        return encode_png(
            Picture(draw_series_traversal(made[:, 0], names), f"{text} {LOW_TO_HIGH}")
        )
    pairs = [*zip(made, labels, strict=True)]  # (examples, steps, *E) of each dimension
    if r.target.suffix == ".gif":
        return encode_gif(
            draw_sheet([[TileRow(make_tiles(row[:, step]), label) for row, label in pairs]])
            for step in range(r.steps)
        )
    blocks = [
        [TileRow(make_tiles(row[example]), label) for row, label in pairs]
        for example in range(made.shape[1])
    ]
    return encode_png(Picture(draw_sheet(blocks, header), text))


def make_interpolation(subject: Subject) -> bytes:
    """Go from one example to another, through their posterior means."""
    r, model = subject.request, subject.model
    subject.require_images()
    _continuous_only(subject, r.kind)
    batch = subject.chosen(2 * r.number)
    pairs = len(batch.x) // 2
    if not pairs:
        raise ConfigError(f"an interpolation needs 2 examples, but {r.split} has {len(batch.x)}.")
    mu = model.encode(batch.x, **subject.told_of(batch)).mu.flatten(1)
    x = subject.shown(model.preprocess.restore(model.prepare(batch.x)))
    t = torch.linspace(0, 1, r.steps)
    z = torch.stack([WAYS[r.way](mu[2 * i], mu[2 * i + 1], t) for i in range(pairs)])
    told = batch.context
    if told is not None:  # of the nearer end
        nearer = torch.stack([2 * torch.arange(pairs) + int(at > 0.5) for at in t.tolist()], 1)
        told = told[nearer]
    made = subject.shown(_decoded(subject, z, told))  # (pairs, steps, *E)
    ends = [(x[2 * i, None], x[2 * i + 1, None]) for i in range(pairs)]

    def draw(steps: slice, header: list[str]) -> Image.Image:
        rows = [
            TileRow(make_tiles(torch.cat([a, frames[steps], b])))
            for (a, b), frames in zip(ends, made, strict=True)
        ]
        return draw_sheet([rows], ["from", *header, "to"])

    if r.target.suffix == ".gif":
        return encode_gif(draw(slice(step, step + 1), [""]) for step in range(r.steps))
    text = f"The {r.way} way between the posterior means of two examples, which stand at the ends."
    text += subject.range_text
    return encode_png(Picture(draw(slice(None), [""] * r.steps), text))


def make_encodings(subject: Subject) -> bytes:
    """Encode the examples of a split in its order: mu and sigma of q(z|x), with their labels."""
    r, model = subject.request, subject.model
    found = [
        model.encode(batch.x, **subject.told_of(batch))
        for batch in subject.blocks(r.split, r.count)
    ]
    arrays = {"mu": torch.cat([encoding.mu for encoding in found]).numpy()}
    sigmas = [encoding.sigma for encoding in found if encoding.sigma is not None]
    if len(sigmas) == len(found):
        arrays["sigma"] = torch.cat(sigmas).numpy()
    if model.vae.is_discrete:
        parts = [model.codes(batch.x) for batch in subject.blocks(r.split, r.count)]
        arrays["codes"] = torch.cat(parts).numpy()
    labels = subject.labels(r.split, r.count)
    if labels is not None:
        arrays["labels"] = labels
    if model.spec.factors:
        arrays["factors"] = subject.trained.data.factors(r.split)[: r.count]
        arrays["factor_names"] = np.array([name for name, _ in model.spec.factors])
    return encode_npz(arrays)


def _decoded(subject: Subject, z: Tensor, told: Tensor | None) -> Tensor:
    """Return E[x|z] for latents ``(..., d)``, each in one row.

    A conditional model is told what the request says, else ``(..., K)`` of each latent.
    """
    flat = z.reshape(-1, *subject.model.latent_shape)
    known = subject.told or ({} if told is None else {"given": told.reshape(len(flat), -1)})
    made = subject.model.decode(flat, **known)
    return made.reshape(*z.shape[:-1], *made.shape[1:])


def _continuous_only(subject: Subject, what: str) -> None:
    if subject.model.vae.is_discrete:
        raise ConfigError(
            f"{what} goes through points between latents, but this is a model of {CODES}: "
            "generate samples, reconstructions or encodings."
        )


KINDS: dict[str, Callable[[Subject], bytes]] = {
    "samples": make_samples,
    "reconstructions": make_reconstructions,
    "traversal": make_traversal,
    "interpolation": make_interpolation,
    "encodings": make_encodings,
    "classes": make_classes,
    "imputations": make_imputations,
}


def generate_file(request: GenerateRequest) -> Path:
    """Write the file that is asked for, whole, and return its path.

    Raises:
        ConfigError: an option that cannot work, or not with this model.
        CheckpointError: there is no trained model.
        DataError: the data cannot be read, where it is needed.
    """
    request.check()
    content = KINDS[request.kind](Subject(request))
    write_bytes(request.target, lambda file: file.write(content))
    return request.target
