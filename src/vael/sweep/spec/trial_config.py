"""Config of a trial: what it trains, and the command that does it by hand."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf, open_dict

from vael.config.compose import compose_config
from vael.config.overrides import escape, quote
from vael.config.series import ConfigSeries
from vael.config.validate import check_config
from vael.config.wandb import list_wandb
from vael.files import write_text
from vael.metrics.constraint import parse_constraints
from vael.runs.folder import RunFolder
from vael.sweep.spec.definition import Definition


def write_trial_config(folder: Path, config: DictConfig) -> None:
    """Write config.yaml atomically."""
    write_text(RunFolder(folder).config, OmegaConf.to_yaml(config))


def compose_trial(
    d: Definition, chosen: Sequence[str], number: int, threads: int | None, series: ConfigSeries
) -> DictConfig:
    """Compose the config of a trial: no test data, no report of its own.

    Raises:
        ConfigError: the combination cannot be composed, or cannot work.
    """
    fixed = ["evaluation.test=false", "report=false"]
    early = [quote(str(bound)) for bound in parse_constraints(d.constraint) if bound.early]
    if early:
        fixed.append(f"sweep.constraint=[{','.join(early)}]")
    return _config(d, [*chosen, *fixed], "trial", number, threads, series)


def compose_confirmation(
    d: Definition, chosen: Sequence[str], number: int, threads: int | None, seed: int
) -> DictConfig:
    """Compose a run of the best configuration on a fresh seed, with the test data.

    Raises:
        ConfigError: it cannot be composed, or cannot work.
    """
    streams = [f"seeds.{name}=null" for name in ("init", "order", "corruption", "latent")]
    fixed = [f"seed={seed}", *streams, "evaluation.test=true", "report=true"]
    return _config(d, [*chosen, *fixed], "confirmation", number, threads, None)


def _config(
    d: Definition,
    chosen: Sequence[str],
    kind: str,
    number: int,
    threads: int | None,
    series: ConfigSeries | None,
) -> DictConfig:
    own = [f"name={d.name}", f"trainer.devices={d.devices}", f"sweep.name={d.name}"]
    overrides = [*d.overrides, *chosen, *own, f"sweep.{kind}={number}"]
    config = compose_config(overrides, series)
    more: dict[str, object] = {}
    limit = d.limits.trial_epochs
    if limit is not None and config.trainer.max_epochs > limit:
        more["trainer.max_epochs"] = limit
    if threads is not None and config.trainer.threads is None:
        more["trainer.threads"] = threads
    for path, _ in list_wandb(config.logger):
        more |= {f"{path}.group": d.name, f"{path}.job_type": kind}
    with open_dict(config):
        for path, value in more.items():
            OmegaConf.update(config, path, value)
        extra = [f"{path}={value}" for path, value in more.items()]
        config.command = escape(shlex.join(["vael", "train", *overrides, *extra]))
    check_config(config)
    return config
