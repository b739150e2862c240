"""Fill in a run's summary, before its first step and after its last."""

import math
from collections.abc import Mapping

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf

from vael.config.condition_options import describe_condition
from vael.data.module import VaelData
from vael.distributed.lightning import Placement
from vael.metrics.catalog import ACTIVE_THRESHOLD
from vael.metrics.constraint import parse_constraints
from vael.metrics.evidence import NO_BOUND, ONE_CODE
from vael.runs.folder import RunFolder
from vael.runs.provenance import describe_machine, file_digest, git_sha, package_versions
from vael.runs.summary import Summary
from vael.training.groups import GroupedEpochLoop
from vael.training.loggers.csv import MetricsCsv
from vael.training.module import LitVAE

FEW = 10  # validation examples: fewer say neither what is unused nor what a model is worth


def begin_summary(
    config: DictConfig, placement: Placement, lit: LitVAE, data: VaelData
) -> Summary:
    """Collect what is known before the first step."""
    return Summary(
        target=lit.target.name,
        samples={"val": lit.options.samples, "test": lit.options.test_samples},
        fit="mass" if lit.vae.fits_mass else "density",
        family=lit.vae.family,
        condition=describe_condition(config),
        parameters=_count_parameters(lit),
        seed=config.seed,
        devices=placement.world,
        accelerator=placement.accelerator,
        threads=torch.get_num_threads(),
        data=data.description,
        data_notes=list(data.notes),
        data_card=data.card,
        data_digest=data.spec.digest,
        git_sha=git_sha(),
        versions=package_versions(),
        command=config.get("command", ""),
        weights="raw" if config.callbacks.ema.decay is None else "ema",
        machine=describe_machine(),
    )


def find_breach(config: DictConfig, lit: LitVAE) -> str | None:
    """Find what a run breaks of the bounds that a sweep puts on its size; None: nothing."""
    for bound in parse_constraints(OmegaConf.select(config, "sweep.constraint") or ()):
        if bound.early and (breach := bound.describe_breach(_count_parameters(lit))):
            return breach
    return None


def _count_parameters(lit: LitVAE) -> int:
    return sum(p.numel() for p in lit.vae.parameters())


def complete_summary(
    summary: Summary, csv: MetricsCsv, trainer: pl.Trainer, lit: LitVAE, run: RunFolder
) -> None:
    """Fill in what the run left behind."""
    summary.epochs, summary.steps = trainer.current_epoch, trainer.global_step
    summary.take_scores(list(csv.by_step().values()))
    summary.metrics |= {n: v for n, v in lit.published.items() if n.startswith("test/")}
    if run.best.exists():
        summary.best_checkpoint = run.name_of(run.best)
        summary.checkpoint_digest = file_digest(run.best)
    loop = trainer.fit_loop.epoch_loop
    summary.compiled = lit.compiled is not None
    summary.step = loop.mode if isinstance(loop, GroupedEpochLoop) else None
    summary.skipped_steps = lit.skipped.steps
    summary.warnings = list(lit.warnings)
    if not lit.vae.has_density:
        summary.warnings.append(f"{NO_BOUND}. The best epoch is that of {lit.target.name}.")
    if lit.vae.is_discrete:
        summary.warnings.append(f"{ONE_CODE}.")
    if lit.skipped.steps:
        summary.warnings.append(
            f"{lit.skipped.steps} of {summary.steps} steps were left out: their gradient's norm "
            f"was above trainer.skip_gradient_above={lit.options.skip_gradient_above:g}, or "
            "not finite."
        )
    if summary.status == "finished":
        summary.warnings += _collapsed(lit, summary.metrics)
        summary.warnings += _worse_than_uniform(lit, summary.metrics)


def _collapsed(lit: LitVAE, metrics: Mapping[str, float]) -> list[str]:
    """Warn of a posterior collapse: of latent dimensions with the same mean for all x.

    Counted on the validation examples, by the criterion of ``active_units``, and with fewer than
    ten of them not at all.
    """
    active = metrics.get("val/active_units")
    if lit.vae.is_discrete:
        return []  # what is not used of a codebook, its usage says
    if active is None or active >= lit.scores.latent_size or lit.spec.num_val < FEW:
        return []
    size = lit.scores.latent_size
    name = "model.latent_dim" if len(lit.vae.latent_shape) == 1 else "model.latent_shape"
    if lit.scores.layer_sizes:
        name += ", latents.below"
    return [
        f"posterior collapse: {size - int(active)} of {size} latent dimensions carry next to "
        f"nothing (the variance of their posterior mean over the validation examples is at "
        f"most {ACTIVE_THRESHOLD:g}): lower {name} or objective.beta, or let "
        "beta warm up (objective/schedule=linear)."
    ]


def _worse_than_uniform(lit: LitVAE, metrics: Mapping[str, float]) -> list[str]:
    """Warn of a model that needs more bits than one that gives every level the same mass."""
    bpd, levels = metrics.get("val/bpd"), lit.spec.levels
    few = lit.spec.num_val < FEW
    if few or levels is None or bpd is None or bpd <= math.log2(levels):
        return []
    return [
        f"val/bpd is {bpd:.4g}: without any model, with the same mass on each of the {levels:,} "
        f"levels, it is log2({levels:,}) = {math.log2(levels):.4g}. Train longer "
        "(trainer.max_epochs), or with another optimizer.lr or likelihood."
    ]
