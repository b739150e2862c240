"""Floor 9: one run: check, train or continue, test, draw, sum up."""

import logging
import os
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import (
    Callback,
    EarlyStopping,
    EMAWeightAveraging,
    ModelCheckpoint,
)
from torch import Tensor

from vael import checkpoint, lastwords, ranks
from vael.build import build_data, build_recipe, build_vae, make
from vael.callbacks.anomaly import Anomaly, located
from vael.callbacks.last import Last
from vael.callbacks.pictures import Pictures
from vael.callbacks.progress import ProgressBar
from vael.callbacks.throughput import Throughput
from vael.check import check
from vael.conditional import Conditional
from vael.data.module import VaelData
from vael.devices import Placement, is_first, place
from vael.errors import CheckpointError, ConfigError, NonFiniteLoss, VaelError
from vael.lit import LitVAE
from vael.logbook import logbook
from vael.loggers.base import Board
from vael.loggers.csv import MetricsCsv
from vael.options import Options
from vael.profiler import RunProfiler
from vael.randomness import Noise, Seeds
from vael.report.history import read_history
from vael.report.page import write_report
from vael.report.pictures import curves as render_curves
from vael.report.pictures import save
from vael.stop import Stopped, StopRequest
from vael.summary import Summary, flat_config
from vael.supervise import discard
from vael.vae import VAE

log = logging.getLogger("vael")
PRECISIONS = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}


@dataclass
class Run:
    """Everything that takes part in one run."""

    folder: Path
    config: DictConfig
    data: VaelData
    lit: LitVAE
    placement: Placement
    csv: MetricsCsv
    board: Board
    stop: StopRequest
    trainer: pl.Trainer = field(init=False)

    @property
    def best(self) -> Path:
        """The checkpoint with the best validation score."""
        return self.folder / "checkpoints" / "best.ckpt"

    @property
    def last(self) -> Path:
        """The checkpoint to continue from."""
        return self.folder / "checkpoints" / "last.ckpt"


def train(folder: Path, discard_on_error: bool = False) -> None:
    """Trains what ``folder/config.yaml`` says, or continues it, to the end.

    Args:
        folder: the run's folder.
        discard_on_error: remove the folder again if the run turns out to be impossible before
            its first step.

    Raises:
        ConfigError: the folder is none, or its config or data cannot work.
        CheckpointError: ``last.ckpt`` cannot be used.
        NonFiniteLoss: the loss became NaN or infinite; summary.json says where.
        Stopped: a signal stopped the run; it is saved, and summary.json says interrupted.
        KeyboardInterrupt: the user stopped it twice: at once, without saving.
    """
    config = read_config(folder)
    with logbook(folder), warnings.catch_warnings():
        _quiet()
        try:
            run = prepare(folder, config)
        except VaelError:
            if discard_on_error:
                discard(folder, is_first())
            raise
        _go(run)


def read_config(folder: Path) -> DictConfig:
    """The resolved config of a run's folder."""
    path = folder / "config.yaml"
    if not path.is_file():
        raise ConfigError(f"{folder} is not a run: it has no config.yaml. Runs are made by "
                          "python train.py.")
    try:
        config = OmegaConf.load(path)
    except Exception as error:  # yaml and OmegaConf have no common base
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(config, DictConfig):
        raise ConfigError(f"{path} must hold a mapping.")
    check(config)
    return config


def prepare(folder: Path, config: DictConfig) -> Run:
    """Builds everything; whatever cannot work is found here, before the first step."""
    placement = place(config.trainer)
    overrides = {name: config.seeds[name] for name in config.seeds}
    seeds = Seeds.derive(config.seed, **overrides)
    data = build_data(config, seeds)
    data.prepare()
    data.check_batch(placement.world, config.trainer.accumulate_grad_batches)
    share = config.data.batch_size // placement.world
    threads = placement.threads(config.trainer.threads, share * data.spec.num_dims)
    torch.set_num_threads(threads)
    vae = build_vae(config, data.spec, seeds)
    recipe = build_recipe(config)
    options = Options(
        samples=config.evaluation.samples, test_samples=config.evaluation.test_samples,
        split_seed=config.data.split_seed, log_every_n_steps=config.trainer.log_every_n_steps,
        total_steps=data.spec.num_train // config.data.batch_size * config.trainer.max_epochs,
        skip_gradient_above=config.trainer.skip_gradient_above,
    )
    container = OmegaConf.to_container(config)
    assert isinstance(container, dict)
    lit = LitVAE(vae, recipe.objective, data.preprocess, data.spec, seeds, recipe.optimizer,
                 recipe.scheduler, options, {str(k): v for k, v in container.items()})
    board = make(config.logger, Board, "logger")  # type: ignore[type-abstract]
    run = Run(folder, config, data, lit, placement, MetricsCsv(folder / "metrics.csv"), board,
              StopRequest())
    extra = [make(node, Callback, f"callbacks.extra.{name}")
             for name, node in config.callbacks.extra.items()]
    if config.init_from is not None:
        _warm_start(run, Path(config.init_from))
    rehearse(run)
    if config.trainer.compile:
        compile_nets(lit.vae)
    _report_warmup(lit)
    if run.last.exists():
        _check_fits(run, run.last, checkpoint.load(run.last)["state_dict"],
                    "Train in a new folder instead.")
    run.trainer = _trainer(run, extra)
    return run


def rehearse(run: Run) -> None:
    """Tries the first example, the optimiser and its schedule, and leaves no trace of it.

    Raises:
        ConfigError: the parts of the model do not fit together, or the optimiser refuses its
            options.
    """
    lit = run.lit
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        noise = Noise(run.config.seed, "corruption").at(torch.device("cpu"), "rehearsal")
        x = run.data.preprocess(run.data.head("train", 1).x, noise)
        still = tuple(x.new_zeros(1, 1, *shape) for shape in lit.vae.noise_shapes)
        try:
            lit.vae(x, still)
        except (RuntimeError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise ConfigError(
                f"the model does not fit examples of shape {run.data.spec.event_shape}: {reason}. "
                "model.encoder must emit posterior.theta_shape, model.decoder "
                "likelihood.theta_shape."
            ) from error
    try:
        optimizer = lit.optimizer_factory(lit.vae.parameters())
    except (TypeError, ValueError) as error:
        raise ConfigError(f"optimizer ({run.config.optimizer['_target_']}) cannot be built: "
                          f"{error}") from error
    lit.scheduler.make(optimizer, lit.options.total_steps, lit.target.mode)


def _report_warmup(lit: LitVAE) -> None:
    objective, steps = lit.objective, lit.options.total_steps
    full = objective.warmup_steps
    if full > steps and is_first():
        log.warning(
            "the warm-up of beta ends at step %d, but this run has %d steps: beta gets no further "
            "than %.3g. Shorten objective.schedule or raise trainer.max_epochs.",
            full, steps, max(objective.beta(step) for step in range(steps)),
        )


def _warm_start(run: Run, other: Path) -> None:
    """Takes the best weights of another run, or of a checkpoint."""
    path = other if other.is_file() else other / "checkpoints" / "best.ckpt"
    weights = checkpoint.load(path)["state_dict"]
    _check_fits(run, path, weights, "Give the same model and data, or leave init_from out.")
    run.lit.load_state_dict(weights)


def _check_fits(run: Run, path: Path, loaded: dict[str, Tensor], remedy: str) -> None:
    shapes = {name: tuple(value.shape) for name, value in loaded.items()}
    wanted = {name: tuple(value.shape) for name, value in run.lit.state_dict().items()}
    differing = sorted(n for n in shapes.keys() | wanted.keys() if shapes.get(n) != wanted.get(n))
    if differing:
        name = differing[0]
        raise CheckpointError(
            f"{path} does not fit the model of {run.folder / 'config.yaml'}: "
            f"{len(differing)} of {len(wanted)} tensors differ, {name} is {shapes.get(name)} "
            f"there and {wanted.get(name)} here. {remedy}"
        )


def compile_nets(vae: VAE) -> None:
    """Compiles every net in place, so that the names in checkpoints stay the same."""
    for module in vae.modules():
        if isinstance(module, Conditional):
            module.net.compile()


def _trainer(run: Run, extra: list[Callback]) -> pl.Trainer:
    options, placement = run.config.trainer, run.placement
    return pl.Trainer(
        accelerator=placement.accelerator, devices=placement.devices,
        num_nodes=placement.num_nodes, strategy=placement.strategy(),
        precision=PRECISIONS[str(options.precision)],  # type: ignore[arg-type]
        max_epochs=options.max_epochs, gradient_clip_val=options.gradient_clip_val,
        accumulate_grad_batches=options.accumulate_grad_batches,
        log_every_n_steps=options.log_every_n_steps,
        logger=[run.csv], callbacks=[*_callbacks(run), *extra],
        plugins=[checkpoint.SafeCheckpointIO(), placement.environment()],
        default_root_dir=run.folder, use_distributed_sampler=False, num_sanity_val_steps=0,
        enable_progress_bar=False, enable_model_summary=False, profiler=_profiler(run),
        detect_anomaly=bool(options.get("detect_anomaly")),
    )


def _profiler(run: Run) -> RunProfiler | None:
    kind = run.config.trainer.get("profiler")
    return RunProfiler(run.folder / "profile.txt", kind, run.lit.vae) if kind else None


def _callbacks(run: Run) -> list[Callback]:
    options, target = run.config.callbacks, run.lit.target
    folder = run.folder / "checkpoints"
    found: list[Callback] = [
        Throughput(run.config.data.batch_size // run.config.trainer.accumulate_grad_batches),
        ProgressBar(options.progress.refresh_seconds),
        ModelCheckpoint(folder, "best", monitor=target.name, mode=target.mode,
                        save_on_train_epoch_end=True, enable_version_counter=False),
        Last(run.last, options.checkpoint.every_n_epochs, options.checkpoint.every_n_steps,
             run.stop),
    ]
    if run.config.trainer.get("detect_anomaly"):
        found.append(Anomaly())
    if options.ema.decay is not None:
        found.append(EMAWeightAveraging(decay=options.ema.decay))
    if options.early_stopping.patience is not None:
        found.append(EarlyStopping(
            target.name, mode=target.mode, patience=options.early_stopping.patience,
            min_delta=options.early_stopping.min_delta, check_on_train_epoch_end=True,
        ))
    if options.pictures.every_n_epochs is not None:
        found.append(_pictures(run, options.pictures.every_n_epochs))
    return found


def _pictures(run: Run, every_n_epochs: int = 1) -> Pictures:
    batch = run.data.head("test", run.config.callbacks.pictures.num_examples)
    noise = Noise(run.config.data.split_seed, "corruption").at(torch.device("cpu"), "pictures")
    x = run.data.preprocess(batch.x, noise)
    return Pictures(run.folder, run.board, x, batch.y, run.config.seed, every_n_epochs)


def _go(run: Run) -> None:
    """Fit, test, draw, sum up; leaves a true summary.json whatever happens."""
    first = is_first()
    summary = Summary.begin(run.config, run.placement, run.lit, run.data.spec)
    if first:
        if ranks.SUPERVISED in os.environ:  # to go on from, should this process be killed
            summary.write(run.folder / lastwords.FOLDER)
        if run.last.exists():
            step = int(checkpoint.load(run.last)["global_step"])
            run.csv.keep_until(step)
            log.info("continuing from %s at step %d", run.last, step)
        board_log = run.board.open(run.folder, flat_config(run.config))
        if board_log is not None:
            run.trainer.loggers = [run.csv, board_log]
    started = time.perf_counter()
    try:
        with run.stop:
            _fit(run)
        summary.status = "finished"
    except NonFiniteLoss as error:
        summary.status, summary.reason = "failed", str(error)
        raise
    except Stopped as error:
        summary.status, summary.reason = "interrupted", str(error)
        raise
    except KeyboardInterrupt:
        summary.status, summary.reason = "interrupted", "stopped by the user (SIGINT)"
        raise
    except BaseException as error:
        summary.status = "failed"
        summary.reason = lastwords.reason(run.folder, error)
        log.info("the run failed", exc_info=True)  # for train.log; the terminal gets it anyway
        raise
    finally:
        if is_first():
            summary.seconds = time.perf_counter() - started
            _finish(run, summary)


def _fit(run: Run) -> None:
    resume = str(run.last) if run.last.exists() else None
    try:
        with located(run.trainer):
            run.trainer.fit(run.lit, run.data, ckpt_path=resume, weights_only=True)
    except SystemExit as error:  # Lightning turns Ctrl-C into exit(1)
        if run.trainer.interrupted:
            raise KeyboardInterrupt from error
        raise
    run.trainer.test(run.lit, run.data, ckpt_path=str(run.best), verbose=False, weights_only=True)


def _quiet() -> None:
    """Lightning's hints about settings that are meant as they are."""
    for text in (".*number of training batches.*smaller than the logging interval.*",
                 ".*Checkpoint directory .* exists and is not empty.*",
                 ".*srun. command is available.*", ".*GPU available but not used.*",
                 ".*does not have many workers.*", ".*treespec, LeafSpec.*",
                 ".*broadcast_buffers. is deprecated.*", ".*all_gather is deprecated.*",
                 ".*sync_dist=True.*"):  # the scores are already the same on all devices
        warnings.filterwarnings("ignore", text)


def _finish(run: Run, summary: Summary) -> None:
    """Pictures, summary, report and the board, as far as the run got."""
    summary.collect(run.csv, run.trainer, run.lit, run.best)
    step = run.trainer.global_step
    try:
        run.csv.save()
        if summary.status == "finished":
            run.lit.to("cpu")
            _pictures(run).draw(run.lit, step)
            curves = save(render_curves(read_history(run.csv.path)),
                          run.folder / "images" / "curves.png")
            run.board.pictures({"curves": curves}, step)
        summary.write(run.folder)
        write_report(run.folder)
    finally:
        run.board.close(summary.metrics, summary.status == "finished")
