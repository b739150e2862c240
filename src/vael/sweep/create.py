"""Creation of a sweep's folder and study, or an update of an older one."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import optuna
from omegaconf import DictConfig, OmegaConf

from vael.errors import ConfigError
from vael.files import locked
from vael.runs.provenance import code_version
from vael.sweep.spec.definition import Definition
from vael.sweep.spec.domain import Interval, Value
from vael.sweep.spec.grammar import format_value, parse_space
from vael.sweep.spec.snapshot import SNAPSHOT, Snapshot, compute_digest, read_snapshot
from vael.sweep.spec.space import Space
from vael.sweep.study import samplers, storage

OWN = "vael"  # the study's user attribute with its id


def make_snapshot(d: Definition, config: DictConfig, threads: int | None) -> Snapshot:
    """Make the snapshot of a new sweep.

    Args:
        d: the definition.
        config: of its default configuration.
        threads: CPU threads of each process of a trial.
    """
    default = find_default(parse_space(d.space, d.when), config)
    return Snapshot(
        definition=d,
        id=uuid.uuid4().hex,
        digest=compute_digest(d),
        code=code_version(),
        samples=config.evaluation.samples,
        threads=threads,
        epochs=min(config.trainer.max_epochs, d.limits.trial_epochs or 2**31),
        default=None if select_outside(default) else {k: v for k, (v, _) in default.items()},
        started=time.time(),
    )


def find_default(space: Space, config: DictConfig) -> dict[str, tuple[Value, bool]]:
    """Return the config's own value of each active parameter, and whether the space holds it."""
    found: dict[str, tuple[Value, bool]] = {}
    for p in space.parameters:
        if not p.active({path: value for path, (value, _) in found.items()}):
            continue
        value = config.choices.get(p.path.split("@")[0])
        if value is None:
            value = OmegaConf.select(config, p.path)
            if OmegaConf.is_config(value):
                value = format_value(OmegaConf.to_container(value))
        inside = p.domain.holds(value)
        if inside and isinstance(p.domain, Interval):
            value = int(value) if p.domain.integer else float(value)
        found[p.path] = (value, inside)
    return found


def select_outside(default: Mapping[str, tuple[Value, bool]]) -> dict[str, Value]:
    """Return the defaults that the space does not hold."""
    return {path: value for path, (value, inside) in default.items() if not inside}


def create_sweep(folder: Path, new: Snapshot, url: str) -> None:
    """Make the folder and the study, or write the changed definition of an old one.

    It may be interrupted anywhere and done again; several nodes may do it at once.

    Args:
        folder: of the sweep.
        new: what is to be; of an old sweep, its id and default stay.
        url: of the storage.

    Raises:
        ConfigError: the storage cannot be used, or holds another study of this name.
    """
    if not storage.is_own_file(url, folder):
        refuse_foreign(folder, new.definition.name, url)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock"):
        if (folder / SNAPSHOT).exists():
            old = read_snapshot(folder)
            new = replace(new, id=old.id, default=old.default)
        new.write(folder)
        _study(folder, new, url)


def refuse_foreign(folder: Path, name: str, url: str) -> None:
    """Refuse a storage with a study of this name that is not this folder's."""
    kept = storage.connect_storage(url, folder)
    try:
        study = optuna.load_study(study_name=name, storage=kept)
    except KeyError:
        return
    owner = study.user_attrs.get(OWN)
    mine = read_snapshot(folder).id if (folder / SNAPSHOT).exists() else None
    if owner is not None and owner != mine:
        raise ConfigError(
            f"{storage.redact_url(url)} already has a study {name}, of another "
            "folder: give this sweep another name, or use that folder."
        )


def _study(folder: Path, new: Snapshot, url: str) -> None:
    d = new.definition
    study = optuna.create_study(
        study_name=d.name,
        storage=storage.connect_storage(url, folder),
        directions=list(d.directions),
        load_if_exists=True,
    )
    study.set_user_attr(OWN, new.id)
    points = [new.default] if new.default else []
    if d.sampler == samplers.GRID:
        points += [p for p in parse_space(d.space, d.when).grid() if p not in points]
    for point in points[len(study.get_trials(deepcopy=False)) :]:
        study.enqueue_trial(point)
