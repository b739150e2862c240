"""Reader of a sweep's file, which checks the keys and the kinds of their values."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from vael.config.shipped import find_shipped
from vael.config.yaml import read_yaml
from vael.errors import ConfigError
from vael.metrics.catalog import Direction, published_scores, run_costs
from vael.sweep.spec.definition import Definition, Limits, check_definition
from vael.text import did_you_mean

OWN = Path("sweeps")


def find_sweep_file(given: Path) -> Path:
    """Return the file of a search: a path, or a name in ``./sweeps`` or of those of vael.

    Raises:
        ConfigError: there is none.
    """
    if given.is_file():
        return given
    if len(given.parts) == 1:
        for folder in (OWN, find_shipped("sweeps")):
            path = folder / f"{given.name.removesuffix('.yaml')}.yaml"
            if path.is_file():
                return path
    what = "is a folder" if given.is_dir() else "is no sweep file: there is none"
    raise ConfigError(f"{given} {what}. {_others(given)}")


def list_sweep_names() -> list[str]:
    """Return the names of the searches in ``./sweeps``, and of those that vael brings along."""
    folders = (OWN, find_shipped("sweeps"))
    return sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})


def read_sweep_file(given: Path) -> Definition:
    """Read the definition of a sweep from its file.

    Raises:
        ConfigError: no such file, or one that is no sweep; one line.
    """
    path = find_sweep_file(given)
    plain = OmegaConf.to_container(read_yaml(path))
    if not isinstance(plain, dict) or not plain:
        raise ConfigError(f"{path} must hold a mapping with a space.")
    try:
        return parse_sweep({"name": path.stem, **{str(k): v for k, v in plain.items()}})
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def parse_sweep(plain: Mapping[str, Any]) -> Definition:
    """Parse a definition out of what YAML holds.

    Raises:
        ConfigError: an unknown or missing key, or a value that cannot be.
    """
    found = dict(plain)
    known = [f.name for f in fields(Definition)]
    for key in found:
        if key not in (*known, "target", "direction"):
            raise ConfigError(
                f"{key} is not a key of a sweep. {did_you_mean(key, [*known, 'target'])}"
            )
    targets, directions = _targets(found)
    found["limits"] = _limits(found.get("limits") or {})
    found["overrides"] = tuple(_strings("overrides", found.get("overrides") or []))
    bounds = found.get("constraint") or []
    bounds = [bounds] if isinstance(bounds, str) else bounds
    found["constraint"] = tuple(_strings("constraint", bounds))
    found["space"] = _space("space", found.get("space") or {})
    when = found.get("when") or {}
    if not isinstance(when, Mapping):
        raise ConfigError(f"when must map path=choice to more of the space, but got {when!r}.")
    found["when"] = {str(k): _space(f"when: {k}", v) for k, v in when.items()}
    if "pruner" not in found:
        found["pruner"] = "tangent" if len(targets) == 1 else None
    if found.get("confirm") is None and len(targets) > 1:
        found["confirm"] = 0
    if "verdict" in found:
        found["verdict"] = _verdict(found["verdict"])
    definition = Definition(**{**found, "targets": targets, "directions": directions})
    check_definition(definition)
    return definition


def _targets(found: dict[str, Any]) -> tuple[tuple[str, ...], tuple[Direction, ...]]:
    one, many = found.pop("target", None), found.pop("targets", None)
    if one is not None and many is not None:
        raise ConfigError("give target or targets, not both.")
    targets = tuple(_strings("targets", many)) if many is not None else (str(one or "val/bpd"),)
    single, several = found.pop("direction", None), found.pop("directions", None)
    given = several if several is not None else [single] * len(targets)
    if not targets or len(set(targets)) < len(targets) or len(given) != len(targets):
        raise ConfigError(
            f"targets must be different scores with one direction each, but got "
            f"{list(targets)} and {given}."
        )
    return targets, tuple(find_direction(t, d) for t, d in zip(targets, given, strict=True))


def find_direction(target: str, given: object = None) -> Direction:
    """Find the direction in which a target is better: its usual one, unless another is given.

    Raises:
        ConfigError: it is no score of ``val/*`` and no cost of a run, or the direction is none.
    """
    split, _, score = target.partition("/")
    if split == "test":
        raise ConfigError(f"target {target}: test data is not for searching; use val/{score}.")
    directions = {f"val/{metric.name}": metric.search for metric in published_scores()}
    directions |= {cost.name: cost.search for cost in run_costs()}
    usual = directions.get(target)
    if usual is None:
        raise ConfigError(
            f"target {target} is never logged. {did_you_mean(target, [*directions])}"
        )
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
            raise ConfigError(f"limits.{key} is not a limit. {did_you_mean(str(key), known)}")
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
            raise ConfigError(
                f"{where}: {path} must be a sweep in Hydra's grammar, such as "
                f"choice(1, 2) or interval(0.1, 1), but got {text!r}."
            )
    return {str(path): text for path, text in plain.items()}


def _verdict(plain: object) -> tuple[str, ...]:
    if isinstance(plain, str):
        return (plain,)
    return () if plain is None else tuple(_strings("verdict", plain))


def _strings(where: str, plain: object) -> list[str]:
    if isinstance(plain, str) or not isinstance(plain, Sequence):
        raise ConfigError(f"{where} must be a list, but got {plain!r}.")
    if not all(isinstance(item, str) for item in plain):
        raise ConfigError(f"{where} must be a list of strings, but got {list(plain)}.")
    return list(plain)


def _others(path: Path) -> str:
    here = sorted(p.stem for p in path.parent.glob("*.yaml"))
    close = difflib.get_close_matches(path.stem, here, n=1, cutoff=0.75)
    if close:
        return f"Did you mean {path.parent / close[0]}.yaml?"
    return f"Give a YAML file, or one of {', '.join(list_sweep_names())}."
