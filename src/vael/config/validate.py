"""Validate names, types and ranges of a config without importing torch."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from omegaconf import DictConfig, OmegaConf

from vael.data.batch_size import check_batch_size
from vael.errors import ConfigError, did_you_mean

INTERPOLATION = re.compile(r"(?<!\\)\$\{")
MOST_THREADS = 1024  # OpenMP ends the process, without a word, where it cannot start so many


@dataclass(frozen=True)
class Rule:
    """What must hold of one setting."""

    path: str
    must: str
    holds: Callable[[object], bool]


def _integer(low: int) -> Callable[[object], bool]:
    return lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= low


def _number(holds: Callable[[float], bool]) -> Callable[[object], bool]:
    return lambda v: (
        isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) and holds(v)
    )


def _or_null(holds: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda v: v is None or holds(v)


def _one_of(*options: object) -> Callable[[object], bool]:
    return lambda v: v in options and not isinstance(v, bool)


def _integers(low: int, *paths: str) -> list[Rule]:
    return [Rule(path, f"an integer >= {low}", _integer(low)) for path in paths]


def _integers_or_null(low: int, *paths: str) -> list[Rule]:
    return [Rule(path, f"null or an integer >= {low}", _or_null(_integer(low))) for path in paths]


def _path(value: object) -> bool:
    return isinstance(value, str) and value != "" and value.isprintable()


def _name(value: object) -> bool:
    if not _path(value):
        return False
    path = PurePath(str(value))
    return not path.is_absolute() and ".." not in path.parts


RULES: tuple[Rule, ...] = (
    Rule("output_dir", "a folder", _path),
    Rule("data.cache_dir", "null or a folder", _or_null(_path)),
    Rule(
        "callbacks.extra",
        "a mapping of names to sections with a _target_",
        lambda v: isinstance(v, DictConfig) and all(isinstance(n, DictConfig) for n in v.values()),
    ),
    Rule("name", "the name of a folder below output_dir", _name),
    Rule(
        "trainer.threads",
        f"null or an integer from 1 to {MOST_THREADS}",
        _or_null(lambda v: _integer(1)(v) and v <= MOST_THREADS),  # type: ignore[operator]
    ),
    *_integers(
        1,
        "model.latent_dim",
        "data.batch_size",
        "trainer.devices",
        "trainer.num_nodes",
        "trainer.max_epochs",
        "trainer.accumulate_grad_batches",
        "trainer.log_every_n_steps",
        "evaluation.samples",
        "evaluation.test_samples",
        "objective.num_samples",
        "callbacks.checkpoint.every_n_epochs",
        "callbacks.pictures.num_examples",
    ),
    *_integers(0, "seed", "data.split_seed"),
    *_integers_or_null(0, "seeds.init", "seeds.order", "seeds.corruption", "seeds.latent"),
    *_integers_or_null(
        1,
        "data.limit",
        "callbacks.early_stopping.patience",
        "callbacks.checkpoint.every_n_steps",
        "callbacks.pictures.every_n_epochs",
    ),
    Rule("objective.beta", "a finite number >= 0", _number(lambda v: v >= 0)),
    Rule("optimizer.lr", "a finite number > 0", _number(lambda v: v > 0)),
    Rule(
        "trainer.gradient_clip_val",
        "null or a finite number > 0",
        _or_null(_number(lambda v: v > 0)),
    ),
    Rule("callbacks.early_stopping.min_delta", "a finite number >= 0", _number(lambda v: v >= 0)),
    Rule(
        "callbacks.progress.refresh_seconds",
        "null or a finite number >= 0",
        _or_null(_number(lambda v: v >= 0)),
    ),
    Rule(
        "trainer.skip_gradient_above",
        "null or a finite number > 0",
        _or_null(_number(lambda v: v > 0)),
    ),
    Rule("trainer.compile", "true or false", lambda v: isinstance(v, bool)),
    Rule(
        "callbacks.ema.decay", "null or a number in (0, 1)", _or_null(_number(lambda v: 0 < v < 1))
    ),
    Rule("evaluation.test", "true or false", lambda v: isinstance(v, bool)),
    Rule("report", "true or false", lambda v: isinstance(v, bool)),
    Rule("init_from", "null or a run's folder", _or_null(lambda v: isinstance(v, str))),
    Rule("trainer.precision", "32, bf16 or 16", _one_of(32, "32", "bf16", 16, "16")),
    Rule("trainer.profiler", "null, simple or torch", _one_of(None, "simple", "torch")),
    Rule("trainer.detect_anomaly", "true or false", lambda v: isinstance(v, bool)),
    Rule("trainer.accelerator", "auto, cpu or gpu", _one_of("auto", "cpu", "gpu")),
    Rule(
        "data.binarize",
        "none, threshold or stochastic",
        _one_of("none", "threshold", "stochastic"),
    ),
)

SECTIONS: dict[str, frozenset[str]] = {
    "": frozenset(
        {
            "name",
            "output_dir",
            "init_from",
            "seed",
            "seeds",
            "data",
            "evaluation",
            "likelihood",
            "model",
            "posterior",
            "prior",
            "objective",
            "optimizer",
            "scheduler",
            "trainer",
            "logger",
            "callbacks",
            "report",
            "sweep",
            "choices",
            "command",
        }
    ),
    "model": frozenset({"latent_dim", "encoder", "decoder"}),
    "evaluation": frozenset({"samples", "test_samples", "test"}),
    "seeds": frozenset({"init", "order", "corruption", "latent"}),
    "trainer": frozenset(
        {
            "accelerator",
            "devices",
            "num_nodes",
            "threads",
            "max_epochs",
            "precision",
            "gradient_clip_val",
            "accumulate_grad_batches",
            "log_every_n_steps",
            "profiler",
            "detect_anomaly",
            "compile",
            "skip_gradient_above",
        }
    ),
    "callbacks": frozenset(
        {"early_stopping", "checkpoint", "ema", "pictures", "progress", "extra"}
    ),
    "callbacks.early_stopping": frozenset({"patience", "min_delta"}),
    "callbacks.checkpoint": frozenset({"every_n_epochs", "every_n_steps"}),
    "callbacks.ema": frozenset({"decay"}),
    "callbacks.pictures": frozenset({"every_n_epochs", "num_examples"}),
    "callbacks.progress": frozenset({"refresh_seconds"}),
}
OPTIONAL = frozenset(
    {
        "sweep",
        "choices",
        "command",
        "report",
        "evaluation.test",
        "trainer.profiler",
        "trainer.detect_anomaly",
    }
)
NEEDED = (
    "data.batch_size",
    "data.binarize",
    "data.limit",
    "data.split_seed",
    "data.cache_dir",
    *(
        f"{section}.{name}".lstrip(".")
        for section, names in SECTIONS.items()
        for name in sorted(names)
        if f"{section}.{name}".lstrip(".") not in OPTIONAL
    ),
)

NODES = (
    "data.source",
    "model.encoder",
    "model.decoder",
    "likelihood",
    "posterior",
    "prior",
    "objective",
    "optimizer",
    "scheduler",
    "logger",
)


def check_config(config: DictConfig) -> None:
    """Refuses what cannot work, with one line each.

    Raises:
        ConfigError: a setting is unknown, missing, of the wrong type or out of range.
    """
    for path in _interpolations(OmegaConf.to_container(config)):
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
                f"{path} is missing: give it a value, or make the run anew (python train.py)."
            )
    schedule = "objective.schedule"  # an objective of one's own may have none
    optional = () if OmegaConf.select(config, schedule) is None else (schedule,)
    for path in (*NODES, *optional):
        node = OmegaConf.select(config, path)
        if not isinstance(node, DictConfig) or not isinstance(node.get("_target_"), str):
            group = path.partition(".")[0] if path != schedule else "objective/schedule"
            raise ConfigError(
                f"{path} must be a section with a _target_, but got {node!r}: "
                f"choose with {group}=<option> (python train.py --help)."
            )
    for rule in RULES:
        value = OmegaConf.select(config, rule.path)
        if value is None and OmegaConf.select(config, rule.path, default=rule) is rule:
            continue  # a section of a user's own may leave it out
        if not rule.holds(value):
            raise ConfigError(f"{rule.path} must be {rule.must}, but got {value!r}.")
    trainer = config.trainer
    devices = trainer.devices * trainer.num_nodes
    check_batch_size(config.data.batch_size, devices, trainer.accumulate_grad_batches)


def _interpolations(node: object, path: str = "") -> Iterator[str]:
    """The path of each value that stands for another one."""
    if isinstance(node, str) and INTERPOLATION.search(node):
        yield path
    elif isinstance(node, dict | list):
        pairs = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in pairs:
            yield from _interpolations(value, f"{path}.{key}".lstrip("."))


def list_paths(config: DictConfig, prefix: str = "") -> Iterator[str]:
    """Every path of a config."""
    for name in config:
        path = f"{prefix}{name!s}"
        yield path
        node = config._get_node(name)  # not config[name]: an interpolation may not resolve yet
        if isinstance(node, DictConfig):
            yield from list_paths(node, f"{path}.")


def suggest(path: str, config: DictConfig) -> str:
    """The settings that look most like a mistyped one."""
    paths = list(list_paths(config))
    last = path.rpartition(".")[2]
    same = [p for p in paths if p.rpartition(".")[2] == last]
    return did_you_mean(path, paths, "See python train.py --cfg job.", same, most=3, cutoff=0.7)
