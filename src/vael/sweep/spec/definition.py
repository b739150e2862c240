"""Definition of a sweep: the keys of its file, with the command line on top."""

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from vael.errors import ConfigError
from vael.metrics.catalog import Direction
from vael.metrics.constraint import parse_constraints

LEAST = {"trials": 1, "seed": 0, "retries": 0, "confirm": 0, "keep": 0, "devices": 1}
OPTIONAL = ("trials", "confirm")
FIRST = "first"  # verdict: on the first categorical parameter
RAY = {"num_cpus", "num_gpus", "resources"}
Node = str | dict[str, Any] | None


@dataclass(frozen=True)
class Limits:
    """Limits of a sweep and its trials.

    Attributes:
        trial_minutes: of one trial, over all its attempts in one process.
        trial_epochs: of one trial: bounds ``trainer.max_epochs``.
        study_hours: since the sweep was last started; then no further trial begins, and before
            it none that would not end in time, by what trials like it took.
    """

    trial_minutes: float | None = None
    trial_epochs: int | None = None
    study_hours: float | None = None


@dataclass(frozen=True)
class Definition:
    """Definition of one sweep.

    Attributes:
        name: of the study and its folder.
        targets: scores of ``val/*``, after the first also ``seconds`` and ``parameters``; of two
            and more, a Pareto front is searched.
        directions: one for each target.
        trials: the budget: how many end as complete, pruned or failed.
        seed: of the sampler; what trial n is asked to try follows from it, n and the others.
        sampler: ``tpe``, ``random``, ``gp``, ..., ``grid`` (every point), or a ``_target_``.
        pruner: ``tangent``, ``halving``, ``hyperband``, ``median``, null, or a ``_target_``.
        constraint: bounds that the best must keep, such as ``parameters < 1e6``.
        overrides: fixed, the same for all trials.
        space: path -> Hydra sweep, such as ``tag(log, interval(0.25, 8))``.
        when: ``path=choice`` -> more of the space, for trials with that choice only.
        retries: how often a trial that was lost (kill -9, a dead node) is taken up again.
        confirm: fresh seeds on which the best is trained again, with the test data; None: 5
            where a run takes less than a minute, else 3.
        verdict: parameters whose choices are compared: the best of each on the same fresh seeds;
            ``first``: the first categorical one of the space.
        keep: best trials that keep their checkpoints.
        lease: seconds after which the trial of a silent worker belongs to anybody.
        patience: seconds to wait for a storage that is away.
        storage: URL; null: a journal file in the sweep's folder.
        devices: ``trainer.devices`` of each trial.
        slurm: options of sbatch.
        ray: ``num_cpus``, ``num_gpus`` and ``resources`` of each worker.
    """

    name: str
    targets: tuple[str, ...]
    directions: tuple[Direction, ...]
    trials: int | None = None
    seed: int = 0
    sampler: Node = "tpe"
    pruner: Node = None
    constraint: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    space: dict[str, str] = field(default_factory=dict)
    when: dict[str, dict[str, str]] = field(default_factory=dict)
    retries: int = 3
    limits: Limits = Limits()
    confirm: int | None = None
    verdict: tuple[str, ...] = (FIRST,)
    keep: int = 3
    lease: float = 60.0
    patience: float = 600.0
    storage: str | None = None
    devices: int = 1
    slurm: dict[str, Any] = field(default_factory=dict)
    ray: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Convert to what YAML holds."""
        plain = asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}

    def comparable_fields(self) -> dict[str, Any]:
        """Return the fields on which numbers depend, which must not change within a study."""
        kept = ("targets", "directions", "overrides", "space", "when", "devices")
        plain = self.to_dict()
        return {name: plain[name] for name in kept}


def with_overrides(
    definition: Definition, changes: Mapping[str, Any], prune: bool | None = None
) -> Definition:
    """Apply the options of the command line; None leaves a value as it is."""
    changed = replace(definition, **{k: v for k, v in changes.items() if v is not None})
    if prune is not None:
        pruner = (changed.pruner or "tangent") if prune else None
        changed = replace(changed, pruner=pruner)
    check_definition(changed)
    return changed


def check_definition(d: Definition) -> None:
    """Check each value of a definition.

    Raises:
        ConfigError: a value is of a wrong kind or out of its range.
    """
    if not isinstance(d.name, str) or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", d.name):
        raise ConfigError(f"name must be made of letters, digits, _, - and ., but got {d.name!r}.")
    if not isinstance(d.slurm, dict):
        raise ConfigError(f"slurm must map options of sbatch to values, but got {d.slurm!r}.")
    _check_ray(d.ray)
    if d.storage is not None and not isinstance(d.storage, str):
        raise ConfigError(f"storage must be a URL, but got {d.storage!r}.")
    if not d.space and not d.when:
        raise ConfigError(
            "space is empty: give at least one path with what to try, such as "
            "model.latent_dim: int(interval(2, 64))."
        )
    for name, low in LEAST.items():
        value = getattr(d, name)
        if value is None and name in OPTIONAL:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < low:
            raise ConfigError(f"{name} must be an integer >= {low}, but got {value!r}.")
    if d.trials is None and d.sampler != "grid":
        raise ConfigError("trials is missing: how many trials may the search take?")
    limits = {f"limits.{k}": v for k, v in asdict(d.limits).items()}
    for name, value in {"lease": d.lease, "patience": d.patience, **limits}.items():
        if value is not None and not _positive(value):
            raise ConfigError(f"{name} must be a number > 0, but got {value!r}.")
    parse_constraints(d.constraint)
    if "/" not in d.targets[0]:
        raise ConfigError(
            f"targets: the first must be a score of val/*, but got {d.targets[0]}: what costs "
            "least is known without a search."
        )
    if d.pruner is not None and len(d.targets) > 1:
        raise ConfigError(
            f"pruner must be null with several targets ({', '.join(d.targets)}): "
            "no single number says which trial is hopeless. Use --no-prune."
        )
    if d.confirm and len(d.targets) > 1:
        raise ConfigError("confirm must be 0 with several targets: no single trial is the best.")


def _check_ray(ray: object) -> None:
    if not isinstance(ray, dict) or not set(ray) <= RAY:
        raise ConfigError(f"ray must map {', '.join(sorted(RAY))} to values, but got {ray!r}.")
    cpus, resources = ray.get("num_cpus", 1), ray.get("resources", {})
    if not isinstance(cpus, int) or isinstance(cpus, bool) or cpus < 1:
        raise ConfigError(f"ray.num_cpus must be an integer >= 1, but got {cpus!r}.")
    if "num_gpus" in ray and ray["num_gpus"] != 0 and not _positive(ray["num_gpus"]):
        raise ConfigError(f"ray.num_gpus must be a number >= 0, but got {ray['num_gpus']!r}.")
    if not isinstance(resources, dict) or not all(map(_positive, resources.values())):
        raise ConfigError(f"ray.resources must map names to numbers > 0, but got {resources!r}.")


def _positive(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value > 0  # type: ignore[arg-type, operator]
