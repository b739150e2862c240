"""Validate names, types and ranges of a config without importing torch."""

import math
import re
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any

from omegaconf import DictConfig, OmegaConf

from vael.config.condition_options import check_condition
from vael.config.flat import list_leaves
from vael.config.latent import check_latent
from vael.config.wandb import check_wandb
from vael.data.batch_size import check_batch_size
from vael.errors import ConfigError
from vael.text import did_you_mean

INTERPOLATION = re.compile(r"(?<!\\)\$\{")
MOST_THREADS = 1024  # OpenMP ends the process, without a word, where it cannot start so many


Test = Callable[[Any], bool]


def _integer(low: int, high: float = math.inf) -> Test:
    return lambda v: isinstance(v, int) and not isinstance(v, bool) and low <= v <= high


def _number(holds: Callable[[float], bool]) -> Test:
    return lambda v: (
        isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) and holds(v)
    )


def _or_null(holds: Test) -> Test:
    return lambda v: v is None or holds(v)


def _one_of(*options: object) -> Test:
    return lambda v: v in options and not isinstance(v, bool)


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _path(value: object) -> bool:
    return isinstance(value, str) and value != "" and value.isprintable()


def _name(value: object) -> bool:
    path = PurePath(str(value))
    return _path(value) and not path.is_absolute() and ".." not in path.parts


def _nodes(value: object) -> bool:
    return isinstance(value, DictConfig) and all(isinstance(n, DictConfig) for n in value.values())


_positive, _not_negative = _number(lambda v: v > 0), _number(lambda v: v >= 0)
RULES: tuple[tuple[str, Test, str], ...] = (  # must be, holds, of these settings
    ("a folder", _path, "output_dir"),
    ("null or a folder", _or_null(_path), "data.cache_dir"),
    ("a section", lambda v: isinstance(v, DictConfig), "sweep choices"),
    ("a mapping of names to sections with a _target_", _nodes, "callbacks.extra"),
    ("the name of a folder below output_dir", _name, "name"),
    (
        f"null or an integer from 1 to {MOST_THREADS}",
        _or_null(_integer(1, MOST_THREADS)),
        "trainer.threads",
    ),
    (
        "an integer >= 1",
        _integer(1),
        "data.batch_size trainer.devices trainer.num_nodes trainer.max_epochs "
        "trainer.accumulate_grad_batches trainer.log_every_n_steps evaluation.samples "
        "evaluation.test_samples objective.num_samples callbacks.checkpoint.every_n_epochs "
        "callbacks.pictures.num_examples prior.components",
    ),
    ("an integer >= 0", _integer(0), "seed data.split_seed"),
    (
        "null or an integer >= 0",
        _or_null(_integer(0)),
        "seeds.init seeds.order seeds.corruption seeds.latent",
    ),
    (
        "null or an integer >= 1",
        _or_null(_integer(1)),
        "data.limit callbacks.early_stopping.patience callbacks.checkpoint.every_n_steps "
        "trainer.group",
    ),
    (
        "growing, null or an integer >= 1",
        lambda v: v in ("growing", None) or _integer(1)(v),
        "callbacks.pictures.every_n_epochs",
    ),
    ("a finite number >= 0", _not_negative, "objective.beta callbacks.early_stopping.min_delta"),
    ("a finite number > 0", _positive, "optimizer.lr"),
    (
        "null or a finite number > 0",
        _or_null(_positive),
        "trainer.gradient_clip_val trainer.skip_gradient_above",
    ),
    (
        "null or a finite number >= 0",
        _or_null(_not_negative),
        "callbacks.progress.refresh_seconds",
    ),
    ("null or a number in (0, 1)", _or_null(_number(lambda v: 0 < v < 1)), "callbacks.ema.decay"),
    (
        "true or false",
        _flag,
        "trainer.compile evaluation.test report trainer.detect_anomaly trainer.deterministic "
        "model.encode_mask",
    ),
    ("null or a run's folder", _or_null(lambda v: isinstance(v, str)), "init_from"),
    ("32, bf16 or 16", _one_of(32, "32", "bf16", 16, "16"), "trainer.precision"),
    ("null, simple or torch", _one_of(None, "simple", "torch"), "trainer.profiler"),
    ("auto, true or false", lambda v: v == "auto" or _flag(v), "trainer.capture"),
    ("auto, cpu or gpu", _one_of("auto", "cpu", "gpu"), "trainer.accelerator"),
    ("none, threshold or stochastic", _one_of("none", "threshold", "stochastic"), "data.binarize"),
)

SECTIONS = {
    section: frozenset(names.split())
    for section, names in {
        "": "name output_dir init_from seed seeds data evaluation likelihood model latents "
        "posterior prior condition objective optimizer scheduler trainer logger callbacks report "
        "sweep choices command",
        "model": "latent_dim latent_shape encoder decoder encode_mask",
        "evaluation": "samples test_samples test",
        "seeds": "init order corruption latent",
        "trainer": "accelerator devices num_nodes threads max_epochs precision gradient_clip_val "
        "accumulate_grad_batches log_every_n_steps profiler detect_anomaly compile "
        "skip_gradient_above group capture deterministic",
        "callbacks": "early_stopping checkpoint ema pictures progress extra",
        "callbacks.early_stopping": "patience min_delta",
        "callbacks.checkpoint": "every_n_epochs every_n_steps",
        "callbacks.ema": "decay",
        "callbacks.pictures": "every_n_epochs num_examples",
        "callbacks.progress": "refresh_seconds",
    }.items()
}
OPTIONAL = {
    *("sweep", "choices", "command", "report", "evaluation.test", "condition"),
    "model.latent_shape",
    "model.encode_mask",
    *("trainer.profiler", "trainer.detect_anomaly", "trainer.group"),
    *("trainer.capture", "trainer.deterministic"),
}
OF_DATA = {"batch_size", "binarize", "limit", "split_seed", "cache_dir"}  # of every data set
NEEDED = [
    path
    for section, names in {"data": OF_DATA, **SECTIONS}.items()
    for name in sorted(names)
    if (path := f"{section}.{name}".lstrip(".")) not in OPTIONAL
]
NODES = (
    *("data.source", "model.encoder", "model.decoder", "likelihood", "posterior", "prior"),
    *("latents", "objective", "optimizer", "scheduler", "logger"),
)


def check_config(config: DictConfig) -> None:
    """Refuse what cannot work, in one line.

    Raises:
        ConfigError: a setting is unknown, missing, of the wrong type or out of range.
    """
    for path, value in list_leaves(OmegaConf.to_container(config)):
        if path != "command" and isinstance(value, str) and INTERPOLATION.search(value):
            raise ConfigError(
                f"{path} is an interpolation, but the config of a run is resolved: "
                "write the value itself."
            )
    missing = sorted(str(k) for k in OmegaConf.missing_keys(config))
    if missing:
        raise ConfigError(f"{missing[0]} has no value: give {missing[0]}=...")
    for section, known in SECTIONS.items():
        node = OmegaConf.select(config, section) if section else config
        if not isinstance(node, DictConfig):
            raise ConfigError(f"{section} must be a section, but got {node!r}.")
        for name in node:
            if name not in known:
                path = f"{section}.{name!s}" if section else str(name)
                raise ConfigError(f"{path} is not a setting of vael. {suggest(path, config)}")
    for path in NEEDED:
        if OmegaConf.select(config, path, default=config) is config:
            raise ConfigError(
                f"{path} is missing: give it a value, or make the run anew (vael train)."
            )
    schedule = "objective.schedule"  # an objective of one's own may have none
    optional = () if OmegaConf.select(config, schedule) is None else (schedule,)
    for path in (*NODES, *optional):
        node = OmegaConf.select(config, path)
        if not isinstance(node, DictConfig) or not isinstance(node.get("_target_"), str):
            group = path.partition(".")[0] if path != schedule else "objective/schedule"
            raise ConfigError(
                f"{path} must be a section with a _target_, but got {node!r}: "
                f"choose with {group}=<option> (vael train --help)."
            )
    for must, holds, paths in RULES:
        for path in paths.split():
            value = OmegaConf.select(config, path)
            if value is None and OmegaConf.select(config, path, default=config) is config:
                continue  # a section of a user's own may leave it out
            if not holds(value):
                raise ConfigError(f"{path} must be {must}, but got {value!r}.")
    check_condition(config)
    check_latent(config)
    check_wandb(config.logger)
    trainer = config.trainer
    devices = trainer.devices * trainer.num_nodes
    check_batch_size(config.data.batch_size, devices, trainer.accumulate_grad_batches)


def _list_paths(config: DictConfig, prefix: str = "") -> Iterator[str]:
    """Yield every path of a config."""
    for name in config:
        path = f"{prefix}{name!s}"
        yield path
        node = config._get_node(name)  # not config[name]: an interpolation may not resolve yet
        if isinstance(node, DictConfig):
            yield from _list_paths(node, f"{path}.")


def suggest(path: str, config: DictConfig) -> str:
    """Say which settings look most like a mistyped one."""
    paths = list(_list_paths(config))
    last = path.rpartition(".")[2]
    same = [p for p in paths if p.rpartition(".")[2] == last]
    same = same or sorted((p for p in paths if last in p.rpartition(".")[2].split("_")), key=len)
    return did_you_mean(path, paths, "See vael train --cfg job.", same, most=3, cutoff=0.7)
