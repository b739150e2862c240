"""Planning: from a sweep's file and the command line to a folder that workers can work on."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from vael.config.flat import compare_settings, flatten
from vael.errors import ConfigError
from vael.files import expand_home
from vael.runs.provenance import code_changes, code_version
from vael.sweep import create
from vael.sweep.spec import checks
from vael.sweep.spec.definition import Definition, with_overrides
from vael.sweep.spec.domain import Choice, Interval
from vael.sweep.spec.facts import Facts
from vael.sweep.spec.grammar import parse_space
from vael.sweep.spec.snapshot import SNAPSHOT, Snapshot, compute_digest, read_snapshot
from vael.sweep.spec.space import Space
from vael.sweep.spec.sweep_file import read_sweep_file
from vael.sweep.spec.verdict import note_missing, note_verdicts, select_verdicts
from vael.sweep.study import samplers, storage
from vael.sweep.study.records import Slot
from vael.sweep.workers.slots import count_workers, deal_slots

MOST_POINTS = 10_000  # of a grid: all of them are stored before the first trial


@dataclass(frozen=True)
class Plan:
    """A sweep that is ready to be worked on.

    Attributes:
        url: of the storage, with its password.
        workers: how many.
        slots: one for each, where they work on this machine.
        notes: what its user should know, a line each.
    """

    folder: Path
    definition: Definition
    url: str
    workers: int
    slots: tuple[Slot, ...]
    notes: tuple[str, ...]


def define_sweep(
    file: Path, changes: Mapping[str, Any], prune: bool | None, overrides: Sequence[str]
) -> Definition:
    """Read a sweep's file and add what the command line says.

    Args:
        file: the sweep's.
        changes: of its keys; None leaves one as it is.
        prune: whether to, whatever the file says; None: as it says.
        overrides: on top of its fixed ones.

    Raises:
        ConfigError: something in it cannot be.
    """
    return complete_sweep(read_sweep_file(file), changes, prune, overrides)


def complete_sweep(
    definition: Definition,
    changes: Mapping[str, Any],
    prune: bool | None = None,
    overrides: Sequence[str] = (),
) -> Definition:
    """Add what the command line says to a definition, and check it; see `define_sweep`."""
    d = with_overrides(definition, changes, prune)
    d = replace(d, overrides=(*d.overrides, *overrides))
    space = parse_space(d.space, d.when)
    samplers.make_sampler(d.sampler, d.seed, 0)
    samplers.make_pruner(d.pruner, 2)
    select_verdicts(d, space)
    if d.sampler != samplers.GRID:
        return d
    size = space.size() or len(space.grid())  # which says what has no grid
    if size > MOST_POINTS:
        raise ConfigError(
            f"the grid has {size:,} points, more than {MOST_POINTS:,}: take fewer choices, or "
            "sampler: qmc, which spreads any number of trials evenly."
        )
    if d.trials is not None and d.trials > size:
        raise ConfigError(f"trials={d.trials}, but the grid has {size} points.")
    return replace(d, trials=d.trials or size)


def find_started(file: Path) -> Path:
    """Find the folder of a sweep that has been started from this file.

    Raises:
        ConfigError: it has not.
    """
    d = read_sweep_file(file)
    folder = find_folder(d, checks.compose_base(d))
    if not (folder / SNAPSHOT).exists():
        raise ConfigError(
            f"{file} has not been started: there is no {folder / SNAPSHOT}; one that is elsewhere "
            "is named by its folder."
        )
    return folder


def find_folder(d: Definition, config: DictConfig) -> Path:
    """Return the folder of the sweep."""
    return expand_home(config.output_dir) / "sweeps" / d.name


def prepare_sweep(
    d: Definition,
    force: bool,
    workers: int | None,
    per_device: int,
    engine: str,
    probe: Callable[[DictConfig], Facts],
) -> Plan:
    """Check all that can be checked, and then make the folder and the study, or find them.

    Args:
        d: what is wanted.
        force: go on although the space or the code has changed.
        workers: asked for; None: as many as there are devices for.
        per_device: workers that share a GPU.
        engine: ``local``: they work on this machine; ``slurm`` or ``ray``: on others.
        probe: finds the facts of a config.

    Raises:
        ConfigError: it cannot work, or an older sweep of this name is another; nothing is made.
    """
    space = parse_space(d.space, d.when)
    config = checks.compose_base(d)
    folder, local = find_folder(d, config), engine == "local"
    old = read_snapshot(folder) if (folder / SNAPSHOT).exists() else None
    if old is not None:
        check_same(old, d, folder, force)
    configs = checks.compose_corners(d, space)
    facts = probe(config if local else _on_a_login_node(config))
    checks.check_comparable(d.targets, configs, facts)
    if local:
        checks.check_devices(d.devices, facts)
    assert d.trials is not None
    count = workers or min(d.trials, count_workers(facts, d.devices, per_device))
    dealt = tuple(deal_slots(facts, count, d.devices, per_device)) if local else ()
    url = _url(d, old, folder)
    d = replace(d, storage=storage.redact_url(url))
    threads = 1 if not facts.threaded else _threads(d, engine, dealt, per_device)
    new = create.make_snapshot(d, config, threads)
    create.create_sweep(folder, new, url)
    return Plan(folder, d, url, count, dealt, tuple(_notes(d, space, config, url)))


def _on_a_login_node(config: DictConfig) -> DictConfig:
    """Return the config for the same data without the GPUs that only the nodes have."""
    here = config.copy()
    OmegaConf.update(here, "trainer", {"accelerator": "cpu", "precision": 32})
    return here


def _threads(d: Definition, engine: str, dealt: Sequence[Slot], per_task: int) -> int | None:
    """Return the threads of each process, where it is known how many cores a task has."""
    if engine == "local":
        return dealt[0].threads
    if engine == "ray":
        return max(1, int(d.ray.get("num_cpus", d.devices)) // d.devices)
    cores = d.slurm.get("cpus_per_task", d.slurm.get("cpus-per-task"))
    return None if cores is None else max(1, int(cores) // (per_task * d.devices))


def _url(d: Definition, old: Snapshot | None, folder: Path) -> str:
    url = storage.locate_storage(d.storage, folder)
    if old is None:
        return url
    recorded = old.definition.storage or storage.JOURNAL
    if url == storage.JOURNAL and d.storage is None:
        return storage.locate_storage(recorded, folder)
    if storage.redact_url(url) != recorded:
        raise ConfigError(
            f"the study of {folder} is in {recorded}, not in "
            f"{storage.redact_url(url)}: give that, or another name."
        )
    return url


def check_same(old: Snapshot, d: Definition, folder: Path, force: bool) -> None:
    """Refuse a sweep that has changed since it was started, unless forced.

    Raises:
        ConfigError: it has, or the code has.
    """
    if compute_digest(d) != old.digest:
        before, now = flatten(old.definition.comparable_fields()), flatten(d.comparable_fields())
        found = compare_settings(before, now, "none")
        changes = "; ".join(f"{one.what}: {one.then} -> {one.now}" for one in found)
        if not force:
            raise ConfigError(
                f"{folder} holds a sweep of this name that is another: {changes}. Give another "
                "name (name: in the file, or --name), or go on in it with --force."
            )
        _check_compatible(old.definition, d)
    changed = code_changes(old.code, code_version())
    if changed and not force:
        raise ConfigError(
            f"the code has changed since {folder} was started ({', '.join(changed)}"
            f"; git {old.code.get('git')} -> {code_version()['git']}): its trials "
            "may not be comparable. Go on with --force, or give another name."
        )


def _check_compatible(then: Definition, now: Definition) -> None:
    """Refuse other choices or targets: Optuna cannot learn from them."""
    if (then.targets, then.directions) != (now.targets, now.directions):
        raise ConfigError(
            "targets cannot change within a study, not even with --force: give another name."
        )
    old = {p.path: p.domain for p in parse_space(then.space, then.when).parameters}
    for p in parse_space(now.space, now.when).parameters:
        before = old.get(p.path, p.domain)
        if _kind(before) != _kind(p.domain):
            raise ConfigError(
                f"space: the choices of {p.path} cannot change within a study, nor whether it is "
                "an integer, not even with --force: give another name."
            )


def _kind(domain: Choice | Interval) -> object:
    """Return the part of a domain that optuna fixes for a parameter's whole life."""
    return domain if isinstance(domain, Choice) else domain.integer


def _notes(d: Definition, space: Space, config: DictConfig, url: str) -> list[str]:
    notes = [*note_verdicts(d, select_verdicts(d, space)), *note_missing(d, space)]
    size = space.size()
    if (
        size is not None
        and d.trials is not None
        and size < d.trials
        and d.sampler != samplers.GRID
    ):
        notes.append(
            f"the space has {size} points: the search ends after these, before its {d.trials} "
            "trials. A point is trained once; seed: choice(0, 1, 2) in the space repeats it"
        )
    default = create.find_default(space, config)
    outside = create.select_outside(default)
    if outside:
        listed = ", ".join(f"{path}={value}" for path, value in outside.items())
        notes.append(f"the default configuration is not tried: {listed} is outside of the space")
    varied = {p.path for p in space.parameters}
    fixed = [o for o in d.overrides if o.lstrip("+").partition("=")[0] in varied]
    if fixed and not outside:
        notes.append(
            f"trial 0 is the default configuration, with {', '.join(fixed)}; the other trials "
            "vary it, as the space says"
        )
    if storage.redact_url(url) != url and storage.ENVIRONMENT not in os.environ:
        notes.append(
            f"set {storage.ENVIRONMENT} rather than --storage: a password on a command "
            "line shows in the list of processes"
        )
    return notes
