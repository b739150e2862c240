"""Answer what the page asks of a model: tensors in, tensors and bytes out, no web."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

from vael.data.batches import EVAL_CHUNK
from vael.data.source import Split
from vael.errors import ConfigError, DataError
from vael.metrics.latent_activity import name_dim
from vael.metrics.latent_range import measure_range
from vael.models.latents.codes import Codes
from vael.pretrained.explore.atlas import Atlas, survey_examples
from vael.pretrained.explore.frames import describe_columns, draw_frames
from vael.pretrained.explore.places import CodeChooser, describe_layout
from vael.pretrained.explore.uploads import read_picture
from vael.pretrained.generate.interpolation import WAYS
from vael.pretrained.model import CODES, Model
from vael.pretrained.scoring import Part, Scorer
from vael.pretrained.trained import Trained, load_trained
from vael.report.page import SPLIT_NAMES
from vael.runs.folder import RunFolder, describe_unfinished

BINS = 40  # of the histogram of the means below each slider
REACH = 3.0  # of a slider at least, in standard deviations of a normal prior


@dataclass(frozen=True)
class Encoded:
    """Hold an uploaded picture: its latent, itself as the model saw it, what was done to it."""

    z: Tensor
    frame: bytes
    note: str


class Session:
    """Answer for a trained model and the examples that it is explored with.

    A frame is one example as the page draws it, see `vael.pretrained.explore.frames`.

    Args:
        trained: the model with its data.
        part: the examples of the map.
        note: what one should know of the model, such as that its run is not finished.
    """

    def __init__(self, trained: Trained, part: Part, note: str = "") -> None:
        self.trained, self.part, self.note = trained, part, note
        self.scorer = Scorer(trained, torch.device("cpu"), samples=1)
        self.atlas: Atlas = survey_examples(self.scorer, part)
        self.model = Model.of(trained)
        latents, shape = trained.vae.latents, self.atlas.shape
        self.chooser: CodeChooser | None = None
        if isinstance(latents, Codes):
            self.chooser = CodeChooser(latents, self.atlas.means, shape)
        self.told = self.told_of(0)
        self.prior = self.model.prior(given=self.told)
        self.images = len(trained.spec.event_shape) == 3

    @property
    def latent_dim(self) -> int:
        """The size d of a latent."""
        return self.atlas.means.shape[1]

    @property
    def count(self) -> int:
        """The number N of examples."""
        return len(self.atlas.means)

    @torch.inference_mode()
    def decode(self, z: Tensor, told: Tensor | None = None) -> bytes:
        """Return the frames of E[x|z] for z ``(N, d)``, one after another; of the nearest codes.

        Args:
            z: latents.
            told: what a conditional model is told of all of them, ``(1, K)``.
        """
        latents, c = z.reshape(1, -1, *self.atlas.shape), self.model.context(1, given=told)
        if self.chooser is not None:
            latents = self.chooser.snap(latents)
        return self._frames(self.trained.vae.decode_top(latents, context=c).mean[0])

    def example(self, number: int) -> Tensor:
        """Return the posterior mean of an example, ``(d,)``.

        Raises:
            DataError: there is no such example.
        """
        self._check(number)
        return self.atlas.means[number]

    @torch.inference_mode()
    def original(self, number: int) -> bytes:
        """Return an example as the model sees it, as a frame."""
        self._check(number)
        chunk, row = divmod(number, EVAL_CHUNK)
        x = self.scorer.x(self.part, self.scorer.examples(self.part).at(chunk))
        return self._frames(x[row : row + 1])

    @torch.inference_mode()
    def sample(
        self, count: int, temperature: float, seed: int, told: Tensor | None = None
    ) -> Tensor:
        """Draw from p(z) with its noise scaled by the temperature, ``(count, d)``.

        ``told`` is what a conditional model is told of all of them, ``(1, K)``.

        Raises:
            ConfigError: a temperature that is not 1, of a model of codes.
        """
        if self.chooser is not None and temperature != 1:
            raise ConfigError(f"temperature must be 1 for a model of {CODES}.")
        generator = torch.Generator().manual_seed(seed)
        shape = self.trained.vae.prior_noise_shapes[0]
        eps = torch.randn(1, count, *shape, generator=generator) * temperature
        prior = self.prior if told is None else self.model.prior(given=told)
        return prior.rsample(eps)[0].flatten(1)

    @torch.inference_mode()
    def choose(self, z: Tensor, place: int) -> dict[str, Any]:
        """Return the codes of z ``(d,)``, and z with other codes at a place.

        Raises:
            ConfigError: the latents are no codes.
            DataError: there is no such place.
        """
        if self.chooser is None:
            raise ConfigError("this model has no codes: its latents are not discrete.")
        return self.chooser.describe(z, place)

    def between(self, start: Tensor, end: Tensor, steps: int, kind: str) -> Tensor:
        """Return ``steps`` latents ``(steps, d)`` from one to the other, ends included.

        Raises:
            ConfigError: the kind of path is none of `vael.pretrained.generate.interpolation.WAYS`.
        """
        if kind not in WAYS:
            raise ConfigError(f"kind must be one of {', '.join(WAYS)}.")
        return WAYS[kind](start, end, torch.linspace(0, 1, steps))

    @torch.inference_mode()
    def encode(self, content: bytes, invert: bool, told: Tensor | None = None) -> Encoded:
        """Encode a picture file: the posterior mean of it, or of its negative.

        ``told`` is what a conditional model is told of it, ``(1, K)``.

        Raises:
            ConfigError: the model is not one of images, or of those of real numbers.
            DataError: it is no picture that can be read.
        """
        if not self.images:
            raise ConfigError(f"this is a model of {self._kind()}: it has no use for a picture.")
        if self.trained.spec.support == "real":
            raise ConfigError(
                "this is a model of images of real numbers, and a picture file holds grey values: "
                "encode arrays in Python, vael.load(RUN).encode(x)."
            )
        preprocess = self.trained.preprocess
        shape = self.trained.spec.event_shape
        picture = read_picture(content, shape, preprocess.raw_levels, invert)
        x = preprocess(picture.raw, self.scorer.corruption.at(torch.device("cpu"), "upload"))
        c = self.model.context(1, given=told)
        z = self.trained.vae.encode(x, context=c).mean.flatten()
        if not bool(z.isfinite().all()):
            raise DataError("the encoder's output for this picture is not finite.")
        return Encoded(z, self._frames(x), picture.note)

    def facts(self) -> dict[str, Any]:
        """Return all that the page shows of the model before anything is asked of it."""
        config, spec, atlas = self.trained.config, self.trained.spec, self.atlas
        choices = config.get("choices", {})
        centre = self.prior.mean.flatten()
        return {
            "title": f"{choices.get('model', 'VAE')} on {choices.get('data', 'data')}",
            "likelihood": str(choices.get("likelihood", "")),
            "splitName": SPLIT_NAMES[self.part.split],
            "count": self.count,
            "checkpoint": self.trained.checkpoint.name,
            "note": self.note,
            "shape": list(spec.event_shape),
            "holes": spec.holes,
            "columns": [] if self.images else describe_columns(self.trained),
            "told": self._tellings(),
            "dims": self._dims(),
            "layout": describe_layout(
                atlas.shape, 0 if self.chooser is None else self.chooser.family.pieces
            ),
            "codes": None if self.chooser is None else {"size": self.chooser.size},
            "centre": centre.tolist(),
            "planes": self._planes(),
            "colourings": [
                {"name": c.name, "count": c.count, "values": c.values} for c in atlas.colourings
            ],
        }

    def told_of(self, number: int) -> Tensor | None:
        """Return what the data tells of an example, ``(1, K)``, or None."""
        examples = self.scorer.examples(self.part)
        told = examples.arrays.context
        if told is None:
            return None
        return torch.as_tensor(told[examples.index[number : number + 1]])

    def _tellings(self) -> list[dict[str, Any]]:
        """Return what is told: the name, the number of classes, 0 for any number."""
        is_label = bool(self.told is not None) and self.trained.config.condition.kind == "label"
        return [
            {"name": name, "classes": count if is_label else 0}
            for name, count in self.trained.spec.context
        ]

    def _dims(self) -> list[dict[str, Any]]:
        """Return what each latent dimension carries, the most first, and its means' spread."""
        atlas, found = self.atlas, []
        variance, active, carried = atlas.variance, atlas.active, atlas.activity
        low, high = atlas.means.amin(0), atlas.means.amax(0)
        if self.chooser is None:
            of_prior = measure_range(self.prior, self.trained.vae.prior_noise_shapes[0], REACH)
            low, high = torch.minimum(of_prior.low, low), torch.maximum(of_prior.high, high)
        for dim in carried.order():
            means = atlas.means[:, dim]
            found.append(
                {
                    "dim": dim,
                    "name": name_dim(dim, atlas.shape),
                    "kl": float(carried.values[dim]) if carried.in_nats else None,
                    "variance": float(variance[dim]),
                    "active": bool(active[dim]),
                    "low": float(low[dim]),
                    "high": float(high[dim]),
                    "histogram": torch.histc(means, BINS, float(low[dim]), float(high[dim]))
                    .int()
                    .tolist(),
                }
            )
        return found

    def _planes(self) -> list[dict[str, Any]]:
        """Return the views that are offered first; with two dimensions there is only one."""
        top = self.atlas.activity.order(2)
        planes = [{"axes": sorted(top) if self.latent_dim <= 2 else top}]
        return planes if self.latent_dim <= 2 else [{"axes": None}, *planes]

    def _frames(self, x: Tensor) -> bytes:
        return draw_frames(x, self.trained.spec, self.trained.preprocess)

    def _kind(self) -> str:
        """Say what the model is of, where that is no image."""
        sizes = self.trained.spec.event_shape
        if len(sizes) == 1:
            return f"tables with {sizes[0]} columns"
        return f"series of {sizes[0]} channels and {sizes[1]} steps"

    def _check(self, number: int) -> None:
        if not 0 <= number < self.count:
            raise DataError(
                f"there is no example {number}: there are {self.count}, 0 to {self.count - 1}."
            )


def open_session(
    path: Path,
    overrides: Sequence[str] = (),
    checkpoint: str = "best",
    split: str | None = None,
    examples: int = 10_000,
    allow: Sequence[str] = (),
) -> Session:
    """Load a model with its encoded examples, for one thread.

    Args:
        path: a run's folder, or a checkpoint file.
        overrides: of the data.
        checkpoint: of a folder, ``best`` or ``last``.
        split: of the map; None: test, or val where the run leaves the test data out.
        examples: on the map at most.
        allow: packages that a file's config may name.

    Raises:
        ConfigError: no run, an unknown split, or data that do not fit.
        CheckpointError: no checkpoint that can be used; says what there is.
    """
    if split is not None and split not in get_args(Split):
        raise ConfigError(f"--split must be one of {', '.join(get_args(Split))}, but got {split}.")
    if checkpoint not in ("best", "last"):
        raise ConfigError(f"--checkpoint must be best or last, but got {checkpoint}.")
    if path.is_dir():
        RunFolder(path).require()
    # A single latent is decoded by a single thread fastest: nothing waits for the other.
    torch.set_num_threads(1)
    trained = load_trained(path, overrides, allow, checkpoint)
    if split is None:
        split = "test" if trained.config.evaluation.get("test", True) else "val"
    part = Part(split, examples)  # type: ignore[arg-type]
    return Session(trained, part, describe_unfinished(path) or "")
