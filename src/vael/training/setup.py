"""Build all parts of a run, and find what cannot work before the first step."""

import logging
import math
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from vael.config.build import (
    asks_for,
    build_data,
    build_part,
    build_seeds,
    build_vae,
    explain_refusal,
)
from vael.data.module import VaelData
from vael.distributed.lightning import find_placement, is_first
from vael.distributed.signals import TrainingStopRequest
from vael.errors import ConfigError
from vael.files import expand_home
from vael.models.trace import Loss
from vael.objectives.base import Objective
from vael.randomness import Noise, Seeds, derive_seed
from vael.runs.folder import RunFolder
from vael.training.callbacks.stop_file import StopFile
from vael.training.callbacks.timing import RunTimer
from vael.training.compute_loss import compute_loss
from vael.training.initial_values import initialise_parts
from vael.training.loggers.base import Board
from vael.training.loggers.csv import MetricsCsv
from vael.training.module import LitVAE
from vael.training.optimizer import make_optimizer
from vael.training.options import Options
from vael.training.resume import check_resumable, warm_start
from vael.training.run import Run
from vael.types import Shape

log = logging.getLogger("vael")


def prepare_run(folder: Path, config: DictConfig) -> Run:
    """Build all parts of a run, try them, and take the weights to start from."""
    placement = find_placement(config.trainer)
    seeds = build_seeds(config)
    data = build_data(config, seeds, folder)
    data.prepare()
    share = config.data.batch_size // placement.world
    threads = placement.threads(config.trainer.threads, share * data.spec.num_dims)
    torch.set_num_threads(threads)
    lit = build_module(config, data, seeds)
    board = build_part(config.logger, Board, "logger")  # type: ignore[type-abstract]
    csv = MetricsCsv(RunFolder(folder).metrics)
    stop, prune, clock = TrainingStopRequest(), StopFile(folder), RunTimer()
    run = Run(folder, config, data, lit, placement, csv, board, stop, prune, clock)
    if config.init_from is not None:
        warm_start(lit, expand_home(config.init_from), folder)
    loss = rehearse(run)
    run.some_unused = placement.world > 1 and leaves_out(loss, lit)
    if config.trainer.compile:
        lit.compiled = torch.compile(compute_loss, options={"fallback_random": True})
    _report_warmup(lit)
    if run.files.last.exists():
        check_resumable(lit, csv, run.files.last, folder)
    return run


def build_module(config: DictConfig, data: VaelData, seeds: Seeds) -> LitVAE:
    """Build the model with its objective, optimiser and schedule."""
    vae = build_vae(config, data.spec, seeds)
    initialise_parts(vae, data, seeds)
    if vae.condition is not None:
        vae.condition.initialise(data.told_in_training())
    optimizer: Any = build_part(config.optimizer, object, "optimizer")
    if not callable(optimizer):
        raise ConfigError("optimizer needs _partial_: true: its parameters come later.")
    facts = {"num_data": data.spec.num_train, "latent_size": math.prod(vae.noise_shapes[0])}
    objective = build_objective(config, facts, seeds)
    if objective.needs_density and not vae.has_density:
        raise ConfigError(
            f"objective ({config.objective['_target_']}) needs the density of q(z|x), which "
            f"posterior ({config.posterior['_target_']}) has not: use objective=wae or "
            "objective=aae, or another posterior."
        )
    if vae.is_discrete:
        _check_takes_codes(objective, config)
    scheduler: Any = build_part(config.scheduler, object, "scheduler")
    options = Options(
        samples=config.evaluation.samples,
        test_samples=config.evaluation.test_samples,
        split_seed=config.data.split_seed,
        log_every_n_steps=config.trainer.log_every_n_steps,
        total_steps=data.spec.num_train // config.data.batch_size * config.trainer.max_epochs,
        skip_gradient_above=config.trainer.skip_gradient_above,
    )
    plain: Any = OmegaConf.to_container(config)
    return LitVAE(
        vae, objective, data.preprocess, data.spec, seeds, optimizer, scheduler, options, plain
    )


def build_objective(config: DictConfig, facts: Mapping[str, int], seeds: Seeds) -> Objective:
    """Build the objective with those facts that it asks for; weights are of the stream ``init``.

    Raises:
        ConfigError: it cannot be built, or it compares more examples than it will see at once.
    """
    node = config.objective
    asked = {name: fact for name, fact in facts.items() if asks_for(node, name)}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seeds.init, "objective"))
        objective: Objective = build_part(node, Objective, "objective", **asked)  # type: ignore[type-abstract]
    size, pieces = config.data.batch_size, config.trainer.accumulate_grad_batches
    if size // pieces < objective.smallest_batch:
        raise ConfigError(
            f"objective ({node['_target_']}) compares the examples of a batch: data.batch_size / "
            f"trainer.accumulate_grad_batches must be at least {objective.smallest_batch}, "
            f"but got {size} / {pieces}."
        )
    return objective


def _check_takes_codes(objective: Objective, config: DictConfig) -> None:
    """Refuse an objective that codes do not go together with.

    Raises:
        ConfigError: it needs more of q(z|x) than codes have.
    """
    if not objective.takes_codes:
        raise ConfigError(
            f"objective ({config.objective['_target_']}) needs a density of q(z|x), but with "
            f"latents ({config.latents['_target_']}) all of it is on one code: use "
            "objective=elbo, or latents=flat."
        )
    if objective.num_samples > 1:
        raise ConfigError(
            f"objective.num_samples must be 1 with codes, of which q(z|x) has but one, but got "
            f"{objective.num_samples}."
        )


def rehearse(run: Run) -> Loss:
    """Try the first example, the optimiser and its schedule, and leave no trace of it.

    Return the loss, with its graph where there are several processes.

    Raises:
        ConfigError: the parts of the model do not fit together, or the optimiser refuses its
            options.
    """
    lit = run.lit
    with torch.random.fork_rng(devices=[]), torch.set_grad_enabled(run.placement.world > 1):
        noise = Noise(run.config.seed, "corruption").at(torch.device("cpu"), "rehearsal")
        one = run.data.head("train", 1)
        x = run.data.preprocess(one.x, noise)
        samples = lit.objective.num_samples

        kept = [(buffer, buffer.clone()) for buffer in lit.vae.buffers()]  # a codebook would learn

        def still(shapes: tuple[Shape, ...]) -> tuple[torch.Tensor, ...]:
            return tuple(x.new_zeros(samples, 1, *shape) for shape in shapes)

        try:
            c = lit.vae.context(one.context)
            trace = lit.vae(x, still(lit.vae.noise_shapes), context=c)
        except ConfigError:
            raise
        except (RuntimeError, TypeError, ValueError) as error:
            if lit.vae.holes and "positional argument" in str(error):
                raise ConfigError(
                    f"likelihood ({run.config.likelihood['_target_']}) cannot leave out missing "
                    "values: log_likelihood, log_prob and log_mass must take a mask; "
                    "data.missing=mean fills them in."
                ) from error
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
        for buffer, value in kept:
            buffer.data.copy_(value)  # not in place for autograd: the loss has its graph
        trace = replace(trace, noise=still(lit.objective.noise_shapes(lit.vae.latents)))
        loss: object = lit.objective(trace, 0, lit.objective.beta(0))
        if not isinstance(loss, Loss):
            raise ConfigError(
                f"objective ({run.config.objective['_target_']}) must return a "
                f"vael.models.Loss, but returned a {type(loss).__name__}."
            )
    try:
        optimizer = make_optimizer(lit.optimizer_factory, lit.vae, lit.objective)
    except (TypeError, ValueError) as error:
        target = str(run.config.optimizer["_target_"])
        raise ConfigError(
            f"optimizer ({target}) cannot be built: {explain_refusal(error, target)}"
        ) from error
    lit.scheduler.make(optimizer, lit.options.total_steps, lit.target.mode)
    return loss


def leaves_out(loss: Loss, lit: LitVAE) -> bool:
    """Whether a loss hangs on only some of the parameters."""
    learned = [parameter for parameter in lit.parameters() if parameter.requires_grad]
    found = torch.autograd.grad(loss.value, learned, allow_unused=True)
    return any(gradient is None for gradient in found)


def _place(error: BaseException) -> str:
    """Return the last line of a user's own code, and of no package's, that led to an error."""
    vael = Path(__file__).parents[1]
    own = [
        f"{frame.filename}, line {frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if "site-packages" not in frame.filename and vael not in Path(frame.filename).parents
    ]
    return f" ({own[-1]})" if own else ""


def _report_warmup(lit: LitVAE) -> None:
    objective, steps = lit.objective, lit.options.total_steps
    full = objective.warmup_steps
    if full > steps and is_first():
        most = max(objective.beta(step) for step in range(steps))
        warms_beta = most < objective.beta(full)
        log.warning(
            "the warm-up of %s ends at step %d, but this run has %d steps%s. Shorten "
            "objective.schedule or raise trainer.max_epochs.",
            "beta" if warms_beta else "the objective",
            full,
            steps,
            f": beta gets no further than {most:.3g}" if warms_beta else "",
        )
