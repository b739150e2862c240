"""Hold the encoded examples: what each latent dimension carries, and planes of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vael.data.source import Array, Arrays
from vael.errors import CheckpointError, ConfigError
from vael.metrics.catalog import ACTIVE_THRESHOLD
from vael.metrics.latent_activity import Activity, measure_activity, name_dim, variance_over_data
from vael.models.trace import LatentRecord
from vael.pretrained.scoring import Part, Scorer
from vael.progress import Countdown
from vael.types import Shape


@dataclass(frozen=True)
class Colouring:
    """A property of the examples: its name, how many values it can have, those ``(N,)``."""

    name: str
    count: int
    values: tuple[int, ...]


@dataclass(frozen=True)
class Plane:
    """A two-dimensional view of latent space: ``z = centre + u_1 axis_1 + u_2 axis_2 + rest``.

    Attributes:
        centre: ``(d,)``.
        axes: orthonormal, ``(2, d)``; ``(1, d)`` where d is 1.
        names: of the axes.
        u: coordinates of the examples, ``(N, 2)``; where d is 1 the second means nothing.
    """

    centre: Tensor
    axes: Tensor
    names: tuple[str, ...]
    u: Tensor


@dataclass(frozen=True)
class Atlas:
    """Hold N encoded examples.

    Attributes:
        means: E_q[z], ``(N, d)``.
        shape: Z, of one latent.
        activity: what each dimension carries on average over the examples.
        colourings: labels and factors of the examples.
    """

    means: Tensor
    shape: Shape
    activity: Activity
    colourings: tuple[Colouring, ...]

    @property
    def variance(self) -> Tensor:
        """Var_x(E_q[z]) by dimension, ``(d,)``."""
        return variance_over_data(self.means)

    @property
    def active(self) -> Tensor:
        """The dimensions whose posterior mean varies with x, ``(d,)``."""
        return self.variance > ACTIVE_THRESHOLD

    def plane(self, dims: Sequence[int] | None) -> Plane:
        """View two latent dimensions; for None the two principal components of the means.

        Raises:
            ConfigError: these are not dimensions of this model.
        """
        d = self.means.shape[1]
        if dims is not None:
            wanted = min(2, d)
            if not len(dims) == len({*dims} & {*range(d)}) == wanted:
                raise ConfigError(
                    f"a plane needs {wanted} different latent dimensions of 0 to "
                    f"{d - 1}, but got {[*dims]}."
                )
            names = tuple(name_dim(dim, self.shape) for dim in dims)
            return self._plane(torch.zeros(d), torch.eye(d)[[*dims]], names)
        centre = self.means.double().mean(0)
        covariance = torch.cov(self.means.double().mT, correction=0).reshape(d, d)
        values, vectors = torch.linalg.eigh(covariance)
        axes = vectors.mT.flip(0)[:2]
        # of the two directions of an eigenvector the one whose largest entry is positive
        axes = axes * axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()
        shares = (values.flip(0)[:2] / values.sum().clamp_min(1e-30)).tolist()
        names = tuple(f"PC{i + 1} ({share:.0%})" for i, share in enumerate(shares))
        return self._plane(centre.float(), axes.float(), names)

    def _plane(self, centre: Tensor, axes: Tensor, names: tuple[str, ...]) -> Plane:
        u = (self.means - centre) @ axes.mT
        if len(axes) == 1:
            golden = torch.arange(len(u)).double() * 0.6180339887498949
            u = torch.cat([u, (golden % 1).float()[:, None] * 2 - 1], 1)
        return Plane(centre, axes, names, u)


def survey_examples(scorer: Scorer, part: Part) -> Atlas:
    """Encode the examples of a part in the top layer of latents, with a bar on a terminal.

    Raises:
        CheckpointError: an encoder whose output is not finite.
    """
    vae, examples = scorer.vae, scorer.examples(part)

    def layers(countdown: Countdown) -> Iterator[tuple[LatentRecord, LatentRecord]]:
        for batch in examples:
            x = scorer.x(part, batch)
            still = tuple(x.new_zeros(1, len(x), *shape) for shape in vae.noise_shapes)
            c = scorer.context(batch)
            _, found = vae.infer(x, still, context=c)
            exact = vae.latents.top_is_exact
            yield found[0].q if exact else vae.encode(x, context=c), found[0].p
            countdown.add(len(x))

    with torch.inference_mode(), Countdown("encoding", len(examples.index)) as countdown:
        means, activity = measure_activity(layers(countdown))
    if not bool(means.isfinite().all()):
        raise CheckpointError(
            f"{scorer.trained.checkpoint}: the encoder's output must be finite, "
            "but some of it is not; train the model again."
        )
    return Atlas(means, vae.latent_shape, activity, _colourings(scorer, part))


def _colourings(scorer: Scorer, part: Part) -> tuple[Colouring, ...]:
    examples, spec = scorer.examples(part), scorer.trained.spec
    arrays, index = examples.arrays, examples.index
    assert isinstance(arrays, Arrays)  # on the host
    found = []
    if arrays.y is not None and spec.num_classes:
        found.append(Colouring("label", spec.num_classes, _plain(arrays.y[index])))
    if arrays.factors is not None:
        columns = arrays.factors[index].T
        found += [
            Colouring(name, count, _plain(values))
            for (name, count), values in zip(spec.factors, columns, strict=True)
        ]
    return tuple(found)


def _plain(values: Array) -> tuple[int, ...]:
    return tuple(int(value) for value in values)
