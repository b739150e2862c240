"""Floor 9: a run put together; whatever cannot work is found here, before the first step."""

import logging
import traceback
from dataclasses import dataclass
from pathlib import Path

import torch
from omegaconf import DictConfig, OmegaConf

from vael import checkpoint, continued, stored
from vael.build import build_data, build_recipe, build_vae, make
from vael.callbacks.clock import Clock
from vael.callbacks.prune import Prune
from vael.check import check
from vael.data.module import VaelData
from vael.devices import Placement, is_first, place
from vael.errors import ConfigError
from vael.lit import LitVAE
from vael.loggers.base import Board
from vael.loggers.csv import MetricsCsv
from vael.models.conditional import Conditional
from vael.models.trace import Loss
from vael.models.vae import VAE
from vael.options import Options
from vael.plain import read_settings
from vael.randomness import Noise, Seeds
from vael.stop import StopRequest

log = logging.getLogger("vael")


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
    prune: Prune
    clock: Clock

    @property
    def best(self) -> Path:
        """The checkpoint with the best validation score."""
        return self.folder / "checkpoints" / "best.ckpt"

    @property
    def last(self) -> Path:
        """The checkpoint to continue from."""
        return self.folder / "checkpoints" / "last.ckpt"

    @property
    def tests(self) -> bool:
        """Whether the test split is used: scored, and shown in the pictures."""
        return bool(self.config.evaluation.get("test", True))

    @property
    def reports(self) -> bool:
        """Whether the run writes a report, with its curves and its latent scatter."""
        return bool(self.config.get("report", True))


def read_config(folder: Path) -> DictConfig:
    """The resolved config of a run's folder."""
    path = folder / "config.yaml"
    if not path.is_file():
        raise ConfigError(
            f"{folder} is not a run: it has no config.yaml. Runs are made by python train.py."
        )
    config = read_settings(path)
    check(config)
    return config


def prepare(folder: Path, config: DictConfig) -> Run:
    """Builds everything, tries it, and takes the weights to start from."""
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
        samples=config.evaluation.samples,
        test_samples=config.evaluation.test_samples,
        split_seed=config.data.split_seed,
        log_every_n_steps=config.trainer.log_every_n_steps,
        total_steps=data.spec.num_train // config.data.batch_size * config.trainer.max_epochs,
        skip_gradient_above=config.trainer.skip_gradient_above,
    )
    container = OmegaConf.to_container(config)
    assert isinstance(container, dict)
    lit = LitVAE(
        vae,
        recipe.objective,
        data.preprocess,
        data.spec,
        seeds,
        recipe.optimizer,
        recipe.scheduler,
        options,
        {str(k): v for k, v in container.items()},
    )
    board = make(config.logger, Board, "logger")  # type: ignore[type-abstract]
    run = Run(
        folder,
        config,
        data,
        lit,
        placement,
        MetricsCsv(folder / "metrics.csv"),
        board,
        StopRequest(),
        Prune(folder),
        Clock(),
    )
    if config.init_from is not None:
        _warm_start(run, Path(config.init_from))
    rehearse(run)
    if config.trainer.compile:
        compile_nets(lit.vae)
    _report_warmup(lit)
    if run.last.exists():
        _go_on(run)
    return run


def _go_on(run: Run) -> None:
    """Looks whether the run can go on from last.ckpt, and says what is not as it was then."""
    loaded = checkpoint.load(run.last)
    saved = stored.of(loaded, run.last)
    checkpoint.check_fits(
        run.last,
        saved.state,
        run.lit.state_dict(),
        f"the model of {run.folder / 'config.yaml'}",
        "Train in a new folder instead.",
    )
    place = continued.place_of(loaded, run.last)
    found = continued.edits(saved.config, place, run.config)
    found += continued.other_data(saved.spec, place, run.data.spec)
    run.csv.keep_until(place.step)
    found += continued.lost(place, run.csv.rows(), run.lit.target.name)
    run.lit.warnings += found
    for text in found:
        log.warning(text)


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
        samples = lit.objective.num_samples
        still = tuple(x.new_zeros(samples, 1, *shape) for shape in lit.vae.noise_shapes)
        try:
            trace = lit.vae(x, still)
        except (RuntimeError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise ConfigError(
                f"the model does not fit examples of shape {run.data.spec.event_shape}: {reason}"
                f"{_place(error)}. model.encoder must emit posterior.theta_shape, model.decoder "
                "likelihood.theta_shape."
            ) from error
        if trace.log_px.shape != (samples, 1):
            raise ConfigError(
                f"likelihood ({run.config.likelihood['_target_']}) must sum log "
                f"p(x|z) over the dimensions of an example, to shape (S, B) = "
                f"({samples}, 1), but gave {tuple(trace.log_px.shape)}."
            )
        loss: object = lit.objective(trace, 0)
        if not isinstance(loss, Loss):
            raise ConfigError(
                f"objective ({run.config.objective['_target_']}) must return a "
                f"vael.models.Loss, but returned a {type(loss).__name__}."
            )
    try:
        optimizer = lit.optimizer_factory(lit.vae.parameters())
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"optimizer ({run.config.optimizer['_target_']}) cannot be built: {error}"
        ) from error
    lit.scheduler.make(optimizer, lit.options.total_steps, lit.target.mode)


def _place(error: BaseException) -> str:
    """The last line of a user's own code, and of no package's, that led to an error."""
    here = Path(__file__).parent
    own = [
        f"{frame.filename}, line {frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if "site-packages" not in frame.filename and here not in Path(frame.filename).parents
    ]
    return f" ({own[-1]})" if own else ""


def _report_warmup(lit: LitVAE) -> None:
    objective, steps = lit.objective, lit.options.total_steps
    full = objective.warmup_steps
    if full > steps and is_first():
        log.warning(
            "the warm-up of beta ends at step %d, but this run has %d steps: beta gets no further "
            "than %.3g. Shorten objective.schedule or raise trainer.max_epochs.",
            full,
            steps,
            max(objective.beta(step) for step in range(steps)),
        )


def _warm_start(run: Run, other: Path) -> None:
    """Takes the best weights of another run, or of a checkpoint."""
    path = other if other.is_file() else other / "checkpoints" / "best.ckpt"
    weights = checkpoint.load(path)["state_dict"]
    checkpoint.check_fits(
        path,
        weights,
        run.lit.state_dict(),
        f"the model of {run.folder / 'config.yaml'}",
        "Give the same model and data, or leave init_from out.",
    )
    run.lit.load_state_dict(weights)


def compile_nets(vae: VAE) -> None:
    """Compiles every net in place, so that the names in checkpoints stay the same."""
    for module in vae.modules():
        if isinstance(module, Conditional):
            module.net.compile()
