"""Build Lightning's Trainer for a run."""

from collections.abc import Iterable
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping

from vael.config.build import build_part
from vael.randomness import Noise
from vael.training.average import Averaging
from vael.training.callbacks.anomaly import Anomaly
from vael.training.callbacks.checkpoints import BestCheckpoint, LastCheckpoint
from vael.training.callbacks.ownership import OwnershipCheck
from vael.training.callbacks.pictures import Pictures
from vael.training.callbacks.progress import ProgressBar
from vael.training.callbacks.timing import Throughput
from vael.training.checkpoint_io import SafeCheckpointIO
from vael.training.groups import GroupedEpochLoop
from vael.training.loggers.none import NoLogger
from vael.training.profiler import RunProfiler, Unprofiled
from vael.training.run import Run
from vael.training.single_steps import STEP_HOOKS

PRECISIONS = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}


def make_trainer(run: Run) -> pl.Trainer:
    """Make the trainer that ``trainer.*`` and ``callbacks.*`` ask for."""
    options, placement = run.config.trainer, run.placement
    kind = options.get("profiler")
    extra = [
        build_part(node, Callback, f"callbacks.extra.{name}")
        for name, node in run.config.callbacks.extra.items()
    ]
    callbacks = [*_callbacks(run), *extra]
    skip_idle_hooks(callbacks, run.lit)
    trainer = pl.Trainer(
        accelerator=placement.accelerator,
        devices=placement.devices,
        num_nodes=placement.num_nodes,
        strategy=placement.strategy(run.some_unused),
        precision=PRECISIONS[str(options.precision)],  # type: ignore[arg-type]
        max_epochs=options.max_epochs,
        gradient_clip_val=options.gradient_clip_val,
        accumulate_grad_batches=options.accumulate_grad_batches,
        log_every_n_steps=options.log_every_n_steps,
        logger=[run.csv],
        callbacks=callbacks,
        plugins=[SafeCheckpointIO(), placement.environment()],
        default_root_dir=run.folder,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        profiler=RunProfiler(run.files.profile, kind, run.lit.vae) if kind else Unprofiled(),
        deterministic=bool(options.get("deterministic")),
        detect_anomaly=bool(options.get("detect_anomaly")),
    )
    trainer.fit_loop.epoch_loop = GroupedEpochLoop(
        trainer, run.stop, options.get("group"), options.get("capture", "auto") is not False
    )
    return trainer


def _callbacks(run: Run) -> list[Callback]:
    options, target = run.config.callbacks, run.lit.target
    saved, stopping = options.checkpoint, options.early_stopping
    found: list[Callback] = [
        OwnershipCheck(run.folder),
        run.clock,
        Throughput(run.config.data.batch_size // run.config.trainer.accumulate_grad_batches),
        run.prune,
        BestCheckpoint(run.files.best, target.name, target.mode),
        LastCheckpoint(run.files.last, saved.every_n_epochs, saved.every_n_steps, run.stop),
    ]
    if options.progress.refresh_seconds is not None:
        found.append(ProgressBar(options.progress.refresh_seconds))
    if run.config.trainer.get("detect_anomaly"):
        found.append(Anomaly())
    if options.ema.decay is not None:
        found.append(Averaging(options.ema.decay))
    if stopping.patience is not None:
        found.append(
            EarlyStopping(
                target.name,
                min_delta=stopping.min_delta,
                patience=stopping.patience,
                mode=target.mode,
                check_on_train_epoch_end=True,
            )
        )
    every = options.pictures.every_n_epochs
    trial = run.config.get("sweep", {}).get("name") is not None
    if every == "growing" and (trial or isinstance(run.board, NoLogger)):
        every = None  # nobody looks on
    if every is not None:
        found.append(make_pictures(run, every))
    return found


def make_pictures(run: Run, every_n_epochs: int | Literal["growing"] = 1) -> Pictures:
    """Make the drawing of held-out examples; every n epochs where it is a callback."""
    shown = run.config.callbacks.pictures.num_examples
    batch = run.data.head("test" if run.tests else "val", shown)
    noise = Noise(run.config.data.split_seed, "corruption").at(torch.device("cpu"), "pictures")
    x = run.data.preprocess(batch.x, noise)
    scatter = run.reports and every_n_epochs != "growing"  # it takes longer than all others
    spec = run.data.spec
    about = run.config.seed, every_n_epochs, scatter, spec.columns, spec.support == "real"
    return Pictures(run.folder, run.board, x, batch.y, *about, batch.context)


def skip_idle_hooks(callbacks: Iterable[pl.Callback], module: pl.LightningModule) -> None:
    """Keep Lightning from calling the empty hooks of a training step of these objects.

    Lightning calls every hook of every callback at each step, and enters a context for each: of
    a dozen callbacks most do nothing in a step, and that took as long as a small decoder. What
    is not callable it passes over.
    """
    for callback in callbacks:
        _skip_idle(callback, pl.Callback)
    _skip_idle(module, pl.LightningModule)


def _skip_idle(of: Any, base: type) -> None:
    for name in STEP_HOOKS:
        if name not in vars(of) and getattr(type(of), name) is getattr(base, name):
            setattr(of, name, None)
