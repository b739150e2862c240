"""Checks of a sweep before its first trial, and before anything is made."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import fields

from omegaconf import DictConfig

from vael.config.compose import compose_config
from vael.config.condition_options import describe_condition
from vael.config.validate import SECTIONS, check_config
from vael.distributed.processes import count_cores
from vael.errors import ConfigError
from vael.metrics.catalog import describe_metric
from vael.sweep.spec.definition import Definition
from vael.sweep.spec.facts import Facts
from vael.sweep.spec.space import Space

INCOMPARABLE = {
    "data": "numbers of different data are not comparable",
    "evaluation": "numbers of different k are not comparable",
    "trainer.devices": "give --devices-per-trial",
    "trainer.num_nodes": "a trial runs on one node",
    "name": "the sweep names its trials",
    "output_dir": "the sweep names its trials",
    "sweep": "the sweep names its trials",
    "logger": "it changes no number",
    "report": "it changes no number",
}
POINT = "vael.models.posteriors.Delta"
WITHOUT_CODES = {"flat", "chain", "ladder"}
OF_CODES = ("val/code_usage", "val/code_perplexity")
OF_DENSITY = ("val/bpd", "val/elbo", "val/iwae", "val/rate")
SET_BY_SWEEP = {
    "trainer.devices": "give --devices-per-trial",
    "name": "give name: in the file",
    "sweep.name": "the sweep sets it",
    "sweep.trial": "the sweep sets it",
    "evaluation.test": "test data is for the confirmation runs",
    "trainer.num_nodes": "a trial runs on one node",
}
OF_THE_FILE = {each.name for each in fields(Definition)} | {"target", "direction"}
OF_THE_FILE -= SECTIONS[""]  # name and seed are a run's, too
OPTIONS = {
    "trials": "--trials",
    "confirm": "--confirm",
    "storage": "--storage",
    "devices": "--devices-per-trial",
    "pruner": "--no-prune",
}


def compose_base(d: Definition) -> DictConfig:
    """Compose the default configuration of a sweep.

    Raises:
        ConfigError: a fixed override is none, or one that the sweep itself sets.
    """
    for override in d.overrides:
        path, _, value = override.lstrip("+~").partition("=")
        if path in SET_BY_SWEEP:
            raise ConfigError(f"overrides: {override}: {SET_BY_SWEEP[path]}.")
        _refuse_key(override, path, value)
        if override.startswith("~"):
            raise ConfigError(
                f"overrides: {override}: best.yaml could not say that something is "
                "left out; give another value instead."
            )
    config = compose_config([*d.overrides, f"name={d.name}", f"trainer.devices={d.devices}"])
    check_config(config)
    return config


def _refuse_key(override: str, path: str, value: str) -> None:
    """Refuse a key of the sweep's file that is given as a setting."""
    key, _, below = path.partition(".")
    if key not in OF_THE_FILE:
        return
    line = f"{key}: {{{below}: {value}}}" if below else f"{key}: {value}"
    option = f", or give {OPTIONS[key]}" if key in OPTIONS else ""
    raise ConfigError(
        f"{override}: {key} is a key of the sweep's file, not a setting: write `{line}` "
        f"there{option}."
    )


def compose_corners(d: Definition, space: Space) -> list[DictConfig]:
    """Compose the config of each choice, under its conditions: every path of the space exists.

    Raises:
        ConfigError: one does not, must not vary, or nothing of the space can work.
    """
    for p in space.parameters:
        for start, why in INCOMPARABLE.items():
            below = p.path == start or p.path.startswith(f"{start}.")
            if below and p.path != "data.batch_size":
                raise ConfigError(f"space: {p.path} must not vary: {why}.")
    configs, refused = [], []
    for corner in space.corners():
        overrides = space.overrides(corner)
        try:
            config = compose_config([*d.overrides, f"trainer.devices={d.devices}", *overrides])
        except ConfigError as error:
            others = [
                f"{path}={value}"
                for path, value in corner.items()
                if not str(error).startswith(f"{path}=")
            ]
            choices = [text for text in others if text.partition("=")[0] in space.choices()]
            given = f" (with {', '.join(choices)})" if choices else ""
            raise ConfigError(f"space: {error}{given}") from error
        try:
            check_config(config)
        except ConfigError as error:
            refused.append(error)
        configs.append(config)
    if len(refused) == len(configs):
        raise ConfigError(f"space: {refused[0]}{_remedy(d, refused[0])}") from refused[0]
    return configs


def _remedy(d: Definition, error: ConfigError) -> str:
    """Say how an interval of whole numbers is written, where one of floats was refused."""
    path, expected, _ = str(error).partition(" must be an integer")
    blocks = [d.space, *d.when.values()]
    text = next((block[path] for block in blocks if path in block), "")
    whole = re.sub(r"(?<!int\()interval\([^()]*\)", r"int(\g<0>)", text)
    return f" Write {path}: {whole}." if expected and whole != text else ""


def check_comparable(targets: Iterable[str], configs: Sequence[DictConfig], facts: Facts) -> None:
    """Refuse scores that are never logged, or that do not mean the same in all trials.

    Raises:
        ConfigError: says which score to use.
    """
    families = sorted({str(c.likelihood["_target_"]).rpartition(".")[2] for c in configs})
    fits = sorted({_fit(c, facts) for c in configs})
    points = any(c.posterior["_target_"] == POINT for c in configs)
    kinds = {str(c.latents["_target_"]).rpartition(".")[2].lower() for c in configs}
    codeless = sorted(kinds & WITHOUT_CODES)
    told = sorted({describe_condition(c) or "none" for c in configs})
    if len(told) > 1:
        raise ConfigError(
            f"space: condition must be the same in all trials, but is {' or '.join(told)}: a "
            "number given c is none without it, nor one given something else; search each alone."
        )
    for target in targets:
        if points and target in OF_DENSITY:
            raise ConfigError(
                f"target {target} is never logged with posterior=delta: a deterministic encoder "
                "has no bound on log p(x). Use target: val/distortion, within one likelihood, or "
                "val/mse."
            )
        if target in OF_CODES and codeless:
            raise ConfigError(
                f"target {target} is never logged with latents={codeless[0]}, which has no codes: "
                "use latents=vq or latents=fsq, or target: val/bpd."
            )
        if target == "val/bpd" and facts.levels is None:
            raise ConfigError(
                "target val/bpd is never logged: this data has no levels. "
                "Use target: val/elbo, within one likelihood."
            )
        if target == "val/elbo_per_dim":
            raise ConfigError(f"target {target} ranks as val/elbo does: use target: val/elbo.")
        if target == "val/psnr" and not facts.unit:
            raise ConfigError("target val/psnr is never logged: this data is not in [0, 1].")
        if not describe_metric(target).of_fit:
            continue
        if len(families) > 1:
            remedy = (
                "data without levels has no score that compares them"
                if facts.levels is None
                else "use val/bpd, which compares them"
            )
            raise ConfigError(
                f"target {target} must not rank different likelihoods "
                f"({', '.join(families)}): {remedy}."
            )
        if len(fits) > 1:
            raise ConfigError(
                f"target {target} must not rank different likelihood.fit "
                f"({', '.join(fits)}): use val/bpd, which compares them."
            )


def _fit(config: DictConfig, facts: Facts) -> str:
    fit = str(config.likelihood.get("fit", "auto"))
    return ("density" if facts.levels is None else "mass") if fit == "auto" else fit


def check_devices(devices: int, facts: Facts) -> None:
    """Refuse more devices a trial than this machine has.

    Raises:
        ConfigError: says how many there are.
    """
    there = facts.gpus if facts.accelerator == "gpu" else count_cores()
    kind = "GPUs" if facts.accelerator == "gpu" else "CPU cores"
    if devices > there:
        raise ConfigError(f"--devices-per-trial={devices}, but this machine has {there} {kind}.")
