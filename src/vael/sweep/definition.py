"""Floor 10: a sweep as its file says it, with the command line on top."""

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from omegaconf import OmegaConf

from vael.errors import ConfigError
from vael.plain import read_yaml

Direction = Literal["minimize", "maximize"]
Node = str | dict[str, Any] | None
SMALLER_IS_BETTER = ("bpd", "rate", "distortion", "mse", "scale_at_bound")
BIGGER_IS_BETTER = ("elbo", "iwae", "psnr", "active_units")


@dataclass(frozen=True)
class Limits:
    """What a sweep may use at most.

    Attributes:
        trial_minutes: of one trial, over all its attempts in one process.
        trial_epochs: of one trial: bounds ``trainer.max_epochs``.
        study_hours: since the sweep was last started; then no further trial begins.
    """

    trial_minutes: float | None = None
    trial_epochs: int | None = None
    study_hours: float | None = None


@dataclass(frozen=True)
class Definition:
    """One sweep.

    Attributes:
        name: of the study and its folder.
        targets: scores of ``val/*``; with two and more, a Pareto front is searched.
        directions: one for each target.
        trials: the budget: how many end as complete, pruned or failed.
        seed: of the sampler; what trial n is asked to try follows from it, n and the others.
        sampler: ``tpe``, ``random``, ``gp``, ..., ``grid`` (every point), or a ``_target_``.
        pruner: ``halving``, ``hyperband``, ``median``, null, or a ``_target_``.
        overrides: fixed, the same for all trials.
        space: path -> Hydra sweep, such as ``tag(log, interval(0.25, 8))``.
        when: ``path=choice`` -> more of the space, for trials with that choice only.
        retries: how often a trial that was lost (kill -9, a dead node) is taken up again.
        confirm: runs of the best configuration on fresh seeds, with the test data.
        keep: best trials that keep their checkpoints.
        lease: seconds after which the trial of a silent worker belongs to anybody.
        patience: seconds to wait for a storage that is away.
        storage: URL; null: a journal file in the sweep's folder.
        devices: ``trainer.devices`` of each trial.
        slurm: options of sbatch.
    """

    name: str
    targets: tuple[str, ...]
    directions: tuple[Direction, ...]
    trials: int | None = None
    seed: int = 0
    sampler: Node = "tpe"
    pruner: Node = None
    overrides: tuple[str, ...] = ()
    space: dict[str, str] = field(default_factory=dict)
    when: dict[str, dict[str, str]] = field(default_factory=dict)
    retries: int = 3
    limits: Limits = Limits()
    confirm: int = 3
    keep: int = 3
    lease: float = 60.0
    patience: float = 600.0
    storage: str | None = None
    devices: int = 1
    slurm: dict[str, Any] = field(default_factory=dict)

    def container(self) -> dict[str, Any]:
        """Plain, as YAML holds it."""
        plain = asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}

    def meaning(self) -> dict[str, Any]:
        """What the numbers of a study depend on: it must not change within one."""
        kept = ("targets", "directions", "overrides", "space", "when", "devices")
        plain = self.container()
        return {name: plain[name] for name in kept}


def read(path: Path) -> Definition:
    """The sweep of a file.

    Raises:
        ConfigError: no such file, or one that is no sweep; one line.
    """
    if not path.is_file():
        raise ConfigError(f"{path} is no sweep file: there is none. {_others(path)}")
    plain = OmegaConf.to_container(read_yaml(path))
    if not isinstance(plain, dict) or not plain:
        raise ConfigError(f"{path} must hold a mapping with a space.")
    try:
        return parse({"name": path.stem, **{str(k): v for k, v in plain.items()}})
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def parse(plain: Mapping[str, Any]) -> Definition:
    """A definition out of what YAML holds.

    Raises:
        ConfigError: an unknown or missing key, or a value that cannot be.
    """
    found = dict(plain)
    known = [f.name for f in fields(Definition)]
    for key in found:
        if key not in (*known, "target", "direction"):
            raise ConfigError(f"{key} is not a key of a sweep. {_near(key, [*known, 'target'])}")
    targets, directions = _targets(found)
    found["limits"] = _limits(found.get("limits") or {})
    found["overrides"] = tuple(_strings("overrides", found.get("overrides") or []))
    found["space"] = _space("space", found.get("space") or {})
    when = found.get("when") or {}
    if not isinstance(when, Mapping):
        raise ConfigError(f"when must map path=choice to more of the space, but got {when!r}.")
    found["when"] = {str(k): _space(f"when: {k}", v) for k, v in when.items()}
    if "pruner" not in found:
        found["pruner"] = "halving" if len(targets) == 1 else None
    if "confirm" not in found and len(targets) > 1:
        found["confirm"] = 0
    definition = Definition(**{**found, "targets": targets, "directions": directions})
    _check(definition)
    return definition


def amended(definition: Definition, changes: Mapping[str, Any], prune: bool | None = None
            ) -> Definition:
    """With the options of the command line; None leaves a value as it is."""
    changed = replace(definition, **{k: v for k, v in changes.items() if v is not None})
    if prune is not None:
        pruner = (changed.pruner or "halving") if prune else None
        changed = replace(changed, pruner=pruner)
    _check(changed)
    return changed


def _check(d: Definition) -> None:
    if not isinstance(d.name, str) or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", d.name):
        raise ConfigError(f"name must be made of letters, digits, _, - and ., but got {d.name!r}.")
    if not isinstance(d.slurm, dict):
        raise ConfigError(f"slurm must map options of sbatch to values, but got {d.slurm!r}.")
    if d.storage is not None and not isinstance(d.storage, str):
        raise ConfigError(f"storage must be a URL, but got {d.storage!r}.")
    if not d.space and not d.when:
        raise ConfigError("space is empty: give at least one path with what to try, such as "
                          "model.latent_dim: int(interval(2, 64)).")
    for name, low in (("trials", 1), ("seed", 0), ("retries", 0), ("confirm", 0), ("keep", 0),
                      ("devices", 1)):
        value = getattr(d, name)
        if name == "trials" and value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < low:
            raise ConfigError(f"{name} must be an integer >= {low}, but got {value!r}.")
    if d.trials is None and d.sampler != "grid":
        raise ConfigError("trials is missing: how many trials may the search take?")
    positive = {"lease": d.lease, "patience": d.patience,
                **{f"limits.{k}": v for k, v in asdict(d.limits).items()}}
    for name, value in positive.items():
        if value is not None and not _positive(value):
            raise ConfigError(f"{name} must be a number > 0, but got {value!r}.")
    if d.pruner is not None and len(d.targets) > 1:
        raise ConfigError(f"pruner must be null with several targets ({', '.join(d.targets)}): "
                          "no single number says which trial is hopeless. Use --no-prune.")
    if d.confirm and len(d.targets) > 1:
        raise ConfigError("confirm must be 0 with several targets: no single trial is the best.")


def _targets(found: dict[str, Any]) -> tuple[tuple[str, ...], tuple[Direction, ...]]:
    one, many = found.pop("target", None), found.pop("targets", None)
    if one is not None and many is not None:
        raise ConfigError("give target or targets, not both.")
    targets = tuple(_strings("targets", many)) if many is not None else (str(one or "val/bpd"),)
    single, several = found.pop("direction", None), found.pop("directions", None)
    given = several if several is not None else [single] * len(targets)
    if not targets or len(set(targets)) < len(targets) or len(given) != len(targets):
        raise ConfigError(f"targets must be different scores with one direction each, but got "
                          f"{list(targets)} and {given}.")
    return targets, tuple(_direction(t, d) for t, d in zip(targets, given, strict=True))


def _direction(target: str, given: object) -> Direction:
    split, _, score = target.partition("/")
    if split == "test":
        raise ConfigError(f"target {target}: test data is not for searching; use val/{score}.")
    if split != "val" or score not in (*SMALLER_IS_BETTER, *BIGGER_IS_BETTER):
        names = [f"val/{n}" for n in (*SMALLER_IS_BETTER, *BIGGER_IS_BETTER)]
        raise ConfigError(f"target {target} is never logged. {_near(target, names)}")
    usual: Direction = "minimize" if score in SMALLER_IS_BETTER else "maximize"
    if given is None:
        return usual
    if given not in ("minimize", "maximize"):
        raise ConfigError(f"direction must be minimize or maximize, but got {given!r}.")
    return given


def _limits(plain: object) -> Limits:
    known = [f.name for f in fields(Limits)]
    if not isinstance(plain, Mapping):
        raise ConfigError(f"limits must be a mapping of {', '.join(known)}, but got {plain!r}.")
    for key in plain:
        if key not in known:
            raise ConfigError(f"limits.{key} is not a limit. {_near(str(key), known)}")
    limits = Limits(**{str(k): v for k, v in plain.items()})
    epochs = limits.trial_epochs
    if epochs is not None and (not isinstance(epochs, int) or isinstance(epochs, bool)):
        raise ConfigError(f"limits.trial_epochs must be an integer, but got {epochs!r}.")
    return limits


def _space(where: str, plain: object) -> dict[str, str]:
    if not isinstance(plain, Mapping) or (where != "space" and not plain):
        raise ConfigError(f"{where} must map paths to what to try, but got {plain!r}.")
    for path, text in plain.items():
        if not isinstance(text, str):
            raise ConfigError(f"{where}: {path} must be a sweep in Hydra's grammar, such as "
                              f"choice(1, 2) or interval(0.1, 1), but got {text!r}.")
    return {str(path): text for path, text in plain.items()}


def _strings(where: str, plain: object) -> list[str]:
    if isinstance(plain, str) or not isinstance(plain, Sequence):
        raise ConfigError(f"{where} must be a list, but got {plain!r}.")
    if not all(isinstance(item, str) for item in plain):
        raise ConfigError(f"{where} must be a list of strings, but got {list(plain)}.")
    return list(plain)


def _positive(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value > 0  # type: ignore[arg-type, operator]


def _near(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, n=2, cutoff=0.6)
    return f"Did you mean {' or '.join(close)}?" if close else f"Known: {', '.join(known)}."


def _others(path: Path) -> str:
    here = sorted(p.stem for p in path.parent.glob("*.yaml"))
    names = sorted(str(p) for p in Path("sweeps").glob("*.yaml"))
    close = difflib.get_close_matches(path.stem, here, n=1, cutoff=0.5)
    if close:
        return f"Did you mean {path.parent / close[0]}.yaml?"
    return f"There are {', '.join(names)}." if names else "Give the path of a YAML file."
