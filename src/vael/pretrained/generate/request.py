"""Hold and check the options of ``vael generate``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from vael.data.source import Split
from vael.errors import ConfigError
from vael.pretrained.generate.interpolation import WAYS

SUFFIXES = {
    "samples": (".png", ".npz", ".csv"),
    "reconstructions": (".png", ".npz"),
    "traversal": (".gif", ".png"),
    "interpolation": (".gif", ".png"),
    "encodings": (".npz",),
    "classes": (".png",),
    "imputations": (".csv", ".npz"),
}
"""Kinds with the formats that each may be written in, the default first."""
COUNTS = {
    **{"samples": 60, "reconstructions": 20, "traversal": 6, "interpolation": 5, "classes": 8}
}
TOLD = ("samples", "traversal", "interpolation")  # decode what no example is
SAMPLERS = ("prior", "mixture")


@dataclass(frozen=True)
class GenerateRequest:
    """The options of one call of ``vael generate``.

    Attributes:
        path: a run's folder, a checkpoint or an export.
        kind: one of `SUFFIXES`.
        count: samples, examples, columns, pairs or draws; None: the kind's own number, or all.
        seed: of the noise and of the choice of examples.
        temperature: factor on the noise behind z.
        sampler: ``prior`` or ``mixture``.
        components: of the mixture.
        way: between two latents, one of `WAYS`.
        steps: frames or columns of a traversal or an interpolation.
        dims: latent dimensions of a traversal, the most active first.
        split: where examples come from.
        output: a file; None: ``RUN/generated/KIND`` with the first suffix of the kind.
        force: whether an output that was named may be overwritten.
        overrides: other data of the same shape.
        checkpoint: of a run's folder.
        allow: packages that the config in a file may name.
        label: the class that a conditional model is told for all that it decodes.
        given: the numbers that it is told, ``NAME=VALUE`` each.
    """

    path: Path
    kind: str
    count: int | None = None
    seed: int = 0
    temperature: float = 1.0
    sampler: str = "prior"
    components: int = 10
    way: str = "spherical"
    steps: int = 11
    dims: int = 8
    split: Split = "test"
    output: Path | None = None
    force: bool = False
    overrides: tuple[str, ...] = ()
    checkpoint: str = "best"
    allow: tuple[str, ...] = ()
    label: int | None = None
    given: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        """Number of what the kind counts."""
        return COUNTS[self.kind] if self.count is None else self.count

    @property
    def target(self) -> Path:
        """The file that is written."""
        if self.output is not None:
            return self.output
        folder = self.path if self.path.is_dir() else self.path.parent
        return folder / "generated" / f"{self.kind}{SUFFIXES[self.kind][0]}"

    @property
    def told(self) -> dict[str, Any]:
        """What a conditional model is told for all that it decodes; empty: nothing.

        Raises:
            ConfigError: what is given has no value.
        """
        if not self.given:
            return {} if self.label is None else {"label": self.label}
        numbers: dict[str, float | str] = {}
        for word in self.given:
            name, equals, text = word.partition("=")
            if not equals:
                raise ConfigError(f"--given must be NAME=VALUE, but got {word}.")
            try:
                numbers[name] = float(text)
            except ValueError:
                numbers[name] = text  # a category; of another column it is refused
        return {"label": self.label, "given": numbers}

    def check(self) -> None:
        """Refuse options that cannot work for any run.

        Raises:
            ConfigError: names the option.
        """
        _one_of("what to generate", self.kind, tuple(SUFFIXES))
        _one_of("--sampler", self.sampler, SAMPLERS)
        _one_of("--path", self.way, tuple(WAYS))
        _one_of("--split", self.split, get_args(Split))
        _one_of("--checkpoint", self.checkpoint, ("best", "last"))
        for name, least in (("count", 1), ("components", 1), ("steps", 2), ("dims", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ConfigError(f"--{name} must be at least {least}, but got {value}.")
        if not 0 < self.temperature < float("inf"):
            raise ConfigError(
                f"--temperature must be a finite number > 0, but got {self.temperature}."
            )
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"--seed must be from 0 to {2**32 - 1}, but got {self.seed}.")
        if self.target.suffix not in SUFFIXES[self.kind]:
            raise ConfigError(
                f"--output must end in {' or '.join(SUFFIXES[self.kind])} for "
                f"{self.kind}, but got {self.target}."
            )
        if self.target.is_dir():
            raise ConfigError(f"--output must be a file, but {self.target} is a folder.")
        if self.told and self.kind not in TOLD:
            raise ConfigError(
                f"--label and --given are for {', '.join(TOLD)}, but got {self.kind}: it tells "
                "each example what the data says of it."
            )
        if self.output is not None and self.output.exists() and not self.force:
            raise ConfigError(
                f"{self.output} exists: add --force to overwrite it, or name another file."
            )


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(f"{option} must be one of {', '.join(known)}, but got {value}.")
