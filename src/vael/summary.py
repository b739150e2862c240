"""Floor 8: summary.json, what a run says of itself; other tools read it."""

import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig

from vael.distributed.lightning import Placement
from vael.files import write_json
from vael.metrics.catalog import ACTIVE_THRESHOLD
from vael.runs.provenance import describe_machine, file_digest, git_sha, package_versions
from vael.training.loggers.csv import MetricsCsv
from vael.training.module import LitVAE
from vael.types import DataSpec

Status = Literal["finished", "failed", "interrupted", "pruned"]
FEW = 10  # validation examples: over fewer, no variance says that a dimension is unused


@dataclass
class Summary:
    """The contract of ``RUN/summary.json``.

    Attributes:
        metrics: the scores of the epoch with the best target, and ``test/*`` of its weights.
        samples: k, importance samples per example behind ``val/*`` and ``test/*``.
        weights: which weights were scored and are in best.ckpt: ``raw`` or ``ema``.
        seconds: of all attempts; what a kill has lost is not counted.
        skipped_steps: steps left out by trainer.skip_gradient_above.
        data_digest: content key of the data with its splits and options.
        machine: processor, instructions, GPU and system: the last bits depend on them.
        checkpoint_digest: hash of the file ``best_checkpoint``, whose weights were scored.
    """

    status: Status
    reason: str | None
    metrics: dict[str, float]
    target: str
    samples: dict[str, int]
    epochs: int
    steps: int
    seconds: float
    examples_per_second: float | None
    parameters: int
    seed: int
    devices: int
    accelerator: str
    threads: int
    data_digest: str
    git_sha: str | None
    versions: dict[str, str]
    command: str
    best_checkpoint: str | None
    best_epoch: int | None = None
    weights: str = "raw"
    skipped_steps: int = 0
    machine: dict[str, str | None] = field(default_factory=describe_machine)
    checkpoint_digest: str | None = None
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def begin(
        cls, config: DictConfig, placement: Placement, lit: LitVAE, spec: DataSpec
    ) -> "Summary":
        """What is known before the first step."""
        return cls(
            status="failed",
            reason=None,
            metrics={},
            target=lit.target.name,
            samples={"val": lit.options.samples, "test": lit.options.test_samples},
            epochs=0,
            steps=0,
            seconds=0.0,
            examples_per_second=None,
            parameters=sum(p.numel() for p in lit.vae.parameters()),
            seed=config.seed,
            devices=placement.world,
            accelerator=placement.accelerator,
            threads=torch.get_num_threads(),
            data_digest=spec.digest,
            git_sha=git_sha(),
            versions=package_versions(),
            command=config.get("command", ""),
            best_checkpoint=None,
            weights="raw" if config.callbacks.ema.decay is None else "ema",
        )

    def collect(self, csv: MetricsCsv, trainer: pl.Trainer, lit: LitVAE, best: Path) -> None:
        """Fills in what the run left behind."""
        self.epochs, self.steps = trainer.current_epoch, trainer.global_step
        scored = [row for row in csv.rows() if lit.target.name in row]
        if scored:
            best_row = dict(lit.target.best(scored))
            self.best_epoch = int(best_row.pop("epoch"))
            self.metrics = best_row
            rates = [
                row["train/examples_per_second"]
                for row in scored
                if "train/examples_per_second" in row
            ]
            self.examples_per_second = statistics.median(rates) if rates else None
        self.metrics |= {n: v for n, v in lit.published.items() if n.startswith("test/")}
        if best.exists():
            self.best_checkpoint = str(best.relative_to(best.parents[1]))
            self.checkpoint_digest = file_digest(best)
        self.skipped_steps = lit.skipped.steps
        self.warnings = [*lit.warnings, *self._skipped(lit)]
        if self.status == "finished":
            self.warnings += _collapsed(lit, self.metrics)

    def _skipped(self, lit: LitVAE) -> list[str]:
        if not lit.skipped.steps:
            return []
        return [
            f"{lit.skipped.steps} of {self.steps} steps were left out: their gradient's norm "
            f"was above trainer.skip_gradient_above={lit.options.skip_gradient_above:g}, or "
            "not finite."
        ]

    def write(self, folder: Path) -> None:
        """Writes summary.json whole."""
        write_json(folder / "summary.json", asdict(self))


def _collapsed(lit: LitVAE, metrics: Mapping[str, float]) -> list[str]:
    """Posterior collapse: latent dimensions whose posterior mean is the same for all x.

    Counted on the validation examples, by the criterion of ``active_units``, and with fewer than
    ten of them not at all.
    """
    active = metrics.get("val/active_units")
    if active is None or active >= lit.scores.latent_size or lit.spec.num_val < FEW:
        return []
    size = lit.scores.latent_size
    return [
        f"posterior collapse: {size - int(active)} of {size} latent dimensions carry next to "
        f"nothing (the variance of their posterior mean over the validation examples is at "
        f"most {ACTIVE_THRESHOLD:g}): lower model.latent_dim or objective.beta, or let beta "
        "warm up (objective/schedule=linear)."
    ]
