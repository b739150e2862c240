"""Show a conditional model: a row for each class, and this style in every class."""

from typing import Any, NamedTuple

import numpy as np
import torch

from vael.errors import ConfigError
from vael.models.priors.conditional import carry_latent
from vael.pretrained.generate.encode import encode_npz
from vael.pretrained.generate.subject import Subject
from vael.report.pictures import Picture, draw_rows, encode_png

ROWS, EXAMPLES = 20, 6  # of classes, or of examples that tell what is given


class Row(NamedTuple):
    """What the samples of a row are told, and how it is called."""

    text: str
    told: dict[str, Any]


def make_class_samples(subject: Subject) -> bytes:
    """Draw E[x|z, c], z ~ p(z|c), a row for each class, the same noise behind z in a column.

    A model that is told numbers has a row for each of some examples, which tell them.

    Raises:
        ConfigError: --sampler mixture, which is of all classes together.
    """
    r, model = subject.request, subject.model
    if r.sampler != "prior":
        raise ConfigError(
            f"--sampler {r.sampler} of a conditional model needs --label or --given."
        )
    rows = _list_rows(subject)
    styles = max(1, r.number // len(rows))
    made = torch.stack([model.sample(styles, r.temperature, r.seed, **row.told) for row in rows])
    if r.target.suffix == ".npz":
        names = [name for name, _ in model.spec.context]
        told = {name: np.repeat([_number(row, name) for row in rows], styles) for name in names}
        return encode_npz({"x": made.flatten(0, 1).numpy(), **told})
    text = (
        "Means of p(x|z, c), z from p(z|c), a row for each c; the noise behind z is the same in a "
        f"column; seed {r.seed}, temperature {r.temperature}." + subject.range_text
    )
    return encode_png(
        Picture(
            draw_rows(
                subject.shown(made.flatten(0, 1)).reshape(made.shape), [row.text for row in rows]
            ),
            text,
        )
    )


def make_classes(subject: Subject) -> bytes:
    """Decode the latent of each example as every class: this style, every class.

    Under a conditional prior, z of class c becomes ``mu(c') + sigma(c') (z - mu(c)) / sigma(c)``,
    which is as likely there.

    Raises:
        ConfigError: the model is told no label, or makes no images.
    """
    r, model = subject.request, subject.model
    subject.require_images()
    if not model.spec.context or model.config.condition.kind != "label":
        raise ConfigError(
            "classes needs a model that is told a label: train one with condition=label."
        )
    batch = subject.chosen(r.number)
    own = subject.told_of(batch)
    mu = model.encode(batch.x, **own).mu
    here = model.vae.prior(model.context(len(mu), **own))
    columns = [subject.shown(model.preprocess.restore(model.prepare(batch.x)))]
    ((_, classes),) = model.spec.context
    for label in range(classes):
        there = model.vae.prior(model.context(len(mu), label=label))
        z = carry_latent(mu.reshape(-1, *model.latent_shape), here, there)
        columns.append(subject.shown(model.decode(z, label=label)))
    assert batch.y is not None
    text = (
        "Examples, and the mean of p(x|z, c) at the posterior mean of each for every class c."
        + subject.range_text
    )
    header = ["data", *(f"class {label}" for label in range(classes))]
    labels = [f"class {label}" for label in batch.y.tolist()]
    return encode_png(Picture(draw_rows(torch.stack(columns, 1), labels, header), text))


def _list_rows(subject: Subject) -> list[Row]:
    spec = subject.model.spec
    if subject.model.config.condition.kind == "label":
        ((_, classes),) = spec.context
        return [Row(f"class {label}", {"label": label}) for label in range(min(classes, ROWS))]
    told = subject.chosen(EXAMPLES).context
    assert told is not None
    names = [name for name, _ in spec.context]
    rows = [dict(zip(names, numbers, strict=True)) for numbers in told.tolist()]
    return [
        Row("\n".join(f"{name} {number:.4g}" for name, number in row.items()), {"given": row})
        for row in rows
    ]


def _number(row: Row, name: str) -> float:
    return float(row.told["label"] if "label" in row.told else row.told["given"][name])
