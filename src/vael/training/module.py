"""The LightningModule: step, score, log, optimiser."""

import logging
import math
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any, NoReturn

import pytorch_lightning as pl
import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor

from vael.data.batches import EVAL_CHUNK, EvalBatch
from vael.data.preprocess import Preprocess
from vael.metrics.catalog import AT_BOUND, Target
from vael.metrics.evidence import Evidence, score_chunk
from vael.metrics.example_scores import ExampleScores
from vael.metrics.scores import Scores, add_per_dim
from vael.models.trace import Loss
from vael.models.vae import VAE
from vael.objectives.base import Objective
from vael.randomness import Noise, Seeds
from vael.training.compute_loss import compute_loss
from vael.training.epoch_means import EpochMeans
from vael.training.faded import clear_faded
from vael.training.foreign_batch import AnyBatch, read_context, read_raw
from vael.training.nonfinite import SkippedSteps, check_weights, describe_bad_step, gradient_norm
from vael.training.optimizer import leave_unscaling, make_optimizer
from vael.training.options import Options
from vael.training.schedulers import LRSchedule, OptimizerFactory, add_schedule
from vael.types import DataSpec, Shape

log = logging.getLogger("vael")
SAID_AT_BOUND = "of the scales of p(x|z) are at their lower bound"
Draws = tuple[torch.Generator, torch.Generator]  # of corruption and of latent noise
IN_LOG = ("train/loss", "val/bpd", "val/elbo", "val/rate", "val/distortion")


class LitVAE(pl.LightningModule):
    """Train a VAE on an objective and score it on importance-weighted bounds.

    Every draw is keyed by (epoch, batch, rank), or in evaluation by (split, chunk, sample; on a
    GPU many samples share a key), never by what was drawn before.
    """

    def __init__(
        self,
        vae: VAE,
        objective: Objective,
        preprocess: Preprocess,
        spec: DataSpec,
        seeds: Seeds,
        optimizer: OptimizerFactory,
        scheduler: LRSchedule,
        options: Options,
        config: dict[str, Any],
    ) -> None:
        super().__init__()
        self.vae = vae
        self.objective = objective
        self.preprocess = preprocess
        self.spec = spec
        self.target = Target.of(spec.levels, vae.has_density)
        self.options = options
        self.latent_noise = Noise(seeds.latent, "latent")
        self.corruption_noise = Noise(seeds.corruption, "corruption")
        self.eval_corruption_noise = Noise(options.split_seed, "corruption")
        self.optimizer_factory = optimizer
        self.scheduler = scheduler
        self.config = config
        self.latent_size = sum(math.prod(shape) for shape in vae.noise_shapes)
        self.scores = Scores.of(vae, spec)
        self.published: dict[str, float] = {}  # in float64; Lightning's own are float32
        self.logs_scores = False  # for a trainer that has no MetricsCsv: test() returns them then
        self.test_scores: dict[str, Tensor] = {}  # of each example
        self.warnings: list[str] = []
        self.means = EpochMeans()
        self.skipped = SkippedSteps()
        self.compiled: Callable[..., Loss] | None = None  # compute_loss, once it is compiled

    # -------------------------------------------------------------------------------- training

    def draws(self, epoch: int, batch: int) -> Draws:
        """Seed the generators of corruption and latent noise for one batch of this process."""
        where = (epoch, batch, self.global_rank)
        corruption = self.corruption_noise.at(self.device, *where)
        return corruption, self.latent_noise.at(self.device, *where)

    def loss(
        self,
        x: Tensor,
        draws: Draws,
        step: int | Tensor,
        beta: float | Tensor,
        *,
        context: Tensor | None = None,
    ) -> Loss:
        """Return the objective's loss of raw examples ``(B, *E)``; looks at no value.

        ``context`` is what is told of them, ``(B, K)``, as in `vael.types.Batch`.
        """
        corruption, latent = draws
        x = self.preprocess(x, corruption)
        lead = (self.objective.num_samples, len(x))

        def draw(shapes: tuple[Shape, ...]) -> tuple[Tensor, ...]:
            sizes = ((*lead, *shape) for shape in shapes)
            return tuple(torch.randn(s, generator=latent, device=self.device) for s in sizes)

        c = self.vae.context(context)
        noise = draw(self.vae.noise_shapes)
        own = draw(self.objective.noise_shapes(self.vae.latents))
        if self.compiled:  # numbers would be constants of a graph, compiled anew at each step
            step, beta = (
                torch.as_tensor(n, dtype=torch.float32, device=self.device) for n in (step, beta)
            )
        compute = self.compiled or compute_loss
        return compute(self.vae, self.objective, x, noise, own, step, beta, c)

    def training_step(self, batch: AnyBatch, batch_idx: int) -> Tensor:
        """Return the loss of one batch, where Lightning takes single steps.

        Batches of a loader of one's own are raw examples ``x``, ``(x,)`` or ``(x, y)``, y what a
        conditional model is told.
        """
        step = self.global_step
        draws = self.draws(self.current_epoch, batch_idx)
        x, told = read_raw(batch), read_context(batch)
        loss = self.loss(x, draws, step, self.objective.beta(step), context=told)
        self._last = Loss(loss.value.detach(), loss.terms)
        self.means.add(self._last)
        # so that no gradient is finite where the loss is not; times 1 it is the same to the bit
        return loss.value * torch.where(torch.isfinite(self._last.value), 1.0, math.nan)

    def on_train_epoch_start(self) -> None:
        """Start the epoch's means anew."""
        self.means.reset()

    def on_after_backward(self) -> None:
        """Stop at the step whose loss is not finite, before the weights are touched.

        Of several processes none may decide alone: they look at the gradient, which they share.
        A step that may be left out is looked at there too.
        """
        alone = self.trainer.world_size == 1 and self.options.skip_gradient_above is None
        if (alone or self.scaled) and not torch.isfinite(self._last.value):
            self._refuse(self._gradient_norm())

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Log every trainer.log_every_n_steps, and leave out a step whose gradient explodes."""
        limit = self.options.skip_gradient_above
        shared = self.trainer.world_size > 1 and not self.scaled
        if limit is None and shared and not math.isfinite(self._gradient_norm()):
            self._refuse(self._gradient_norm())
        step = self.global_step + 1
        if step % self.options.log_every_n_steps == 0:
            rate, norm = self.learning_rate(), self._gradient_norm()
            self.write_step(step, float(self._last.value), rate, norm)
        if limit is not None:
            self._skip_above(limit)

    def optimizer_step(
        self,
        epoch: int,
        batch_idx: int,
        optimizer: torch.optim.Optimizer | LightningOptimizer,
        optimizer_closure: Callable[[], Any] | None = None,
    ) -> None:
        """Step the optimiser, where Lightning takes single steps."""
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        clear_faded(optimizer, self.global_step + 1)

    @property
    def scaled(self) -> bool:
        """Whether a scaler of gradients is there, which expects an overflow at times."""
        return self._trainer is not None and self.trainer.precision == "16-mixed"

    def _skip_above(self, limit: float) -> None:
        """Leave a step out; the gradients are averaged by now: every process decides alike."""
        norm = self._gradient_norm()
        if not self.skipped.leaves_out(norm, limit):
            return
        for parameter in self.parameters():
            parameter.grad = None  # without one an optimiser leaves a parameter alone
        complaint = self.skipped.complaint(limit)
        if complaint:
            self._refuse(norm, complaint)

    def _refuse(self, norm: float, before: str = "") -> NoReturn:
        """Raise an error that says what is not finite.

        Without a scaler all processes are here, and say the same.
        """
        row = torch.stack([self._last.value, *self._last.terms.values()]).double()
        gather = (lambda own: own) if self.scaled else self.trainer.strategy.all_gather
        every, names = gather(row).reshape(-1, len(row)), list(self._last.terms)
        place, rate = self.place(self.global_step), self.learning_rate()
        raise describe_bad_step(every, names, place, rate, norm, before)

    def place(self, step: int) -> str:
        """Return a step and its epoch, for messages."""
        return f"{step} (epoch {self.current_epoch})"

    def write_step(self, step: int, loss: float, rate: float, norm: float) -> None:
        """Write the row of a step, the ``step``-th of the run."""
        row = {"train/step_loss": loss, "train/lr": rate, "train/grad_norm": norm}
        self.write({**row, **self._beta(step - 1)}, step)

    def write(self, row: dict[str, float], step: int) -> None:
        """Write one row to every logger."""
        for logger in self.loggers:
            logger.log_metrics({"epoch": self.current_epoch, **row}, step)

    def _beta(self, step: int) -> dict[str, float]:
        """Return the weight of the rate where the objective has one that follows the step."""
        if type(self.objective).beta is Objective.beta:
            return {}
        beta = self.objective.beta(step)
        norm = beta * self.latent_size / self.spec.num_dims
        return {"train/beta": beta, "train/beta_norm": norm}

    def _gradient_norm(self) -> float:
        return gradient_norm(self.parameters())

    def learning_rate(self) -> float:
        """Return the learning rate of the coming step."""
        return float(self.trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_epoch_end(self) -> None:
        """Write the epoch's row, and step a schedule that goes by the score.

        The schedule is stepped here, before the checkpoint callbacks, because Lightning would
        step it after they have saved: a resumed run would have lost that step.
        """
        scores = {n: v for n, v in self.published.items() if n.startswith("val/")}
        over_devices = partial(self.trainer.strategy.reduce, reduce_op="mean")
        row = {
            **self.means.compute(over_devices),
            **scores,
            "train/lr": self.learning_rate(),
            **self._beta(self.global_step),
        }
        speed = self.trainer.callback_metrics.get("train/examples_per_second")
        if speed is not None:
            row["train/examples_per_second"] = float(speed)
        self.write(row, self.global_step)
        shown = "  ".join(f"{n} {row[n]:.5g}" for n in IN_LOG if n in row)
        log.info("epoch %d  %s", self.current_epoch, shown)
        for logger in self.loggers:
            logger.save()
        if self.scheduler.by_score and self.target.name in scores:
            for config in self.trainer.lr_scheduler_configs:
                config.scheduler.step(scores[self.target.name])  # type: ignore[arg-type]

    # ------------------------------------------------------------------------------ evaluation

    def _score(self, batch: AnyBatch, number: int, split: str, samples: int) -> Evidence | None:
        x = read_raw(batch)
        if len(x) == 0:  # more devices than chunks: this one has nothing to score
            return None
        chunk = batch.chunk if isinstance(batch, EvalBatch) else number
        place, levels = (split, chunk), self.spec.levels
        x = self.preprocess(x, self.eval_corruption_noise.at(self.device, *place))
        c, dims = self.vae.context(read_context(batch)), self.spec.count_dims(split)
        found = score_chunk(
            self.vae, x, self.latent_noise, *place, samples, levels, context=c, num_dims=dims
        )
        self.scores.update(found.evidence)
        return found.evidence

    def validation_step(self, batch: AnyBatch, batch_idx: int) -> None:
        """Score one chunk of the validation split."""
        self._score(batch, batch_idx, "val", self.options.samples)

    def on_test_epoch_start(self) -> None:
        """Make room for the scores of each test example."""
        index: Any = getattr(self.trainer.test_dataloaders, "index", ())  # not of any loader
        has_levels, has_density = self.spec.levels is not None, self.vae.has_density
        examples = ExampleScores(len(index), has_levels, has_density)
        self.examples = examples.to(self.device)

    def test_step(self, batch: AnyBatch, batch_idx: int) -> None:
        """Score one chunk of the test split."""
        found = self._score(batch, batch_idx, "test", self.options.test_samples)
        if found is not None and isinstance(batch, EvalBatch):
            self.examples.update(found, batch.chunk * EVAL_CHUNK)

    def on_validation_epoch_end(self) -> None:
        """Publish val/*."""
        self._publish("val")

    def on_test_epoch_end(self) -> None:
        """Publish test/*, and keep the scores of each example."""
        self._publish("test")
        self.test_scores = self.examples.compute()

    def _publish(self, split: str) -> None:
        scores = add_per_dim(self.scores.compute(), self.spec, split)
        self.scores.reset()
        for name, value in scores.items():
            self.published[f"{split}/{name}"] = value
            self.log(f"{split}/{name}", value, logger=self.logs_scores)
        known = any(SAID_AT_BOUND in text for text in self.warnings)
        if scores["scale_at_bound"] > AT_BOUND and not known:
            self.warnings.append(
                f"{scores['scale_at_bound']:.0%} {SAID_AT_BOUND} (first seen in epoch "
                f"{self.current_epoch}): the data is sharper than its grid lets a score see; with "
                "likelihood.fit=density the ELBO there only measures the grid."
            )
            log.warning(self.warnings[-1])

    # ------------------------------------------------------------------- optimiser, checkpoint

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Make the configured optimiser with its schedule."""
        optimizer = make_optimizer(self.optimizer_factory, self.vae, self.objective)
        if self.scaled:
            leave_unscaling(optimizer)
        # not trainer.estimated_stepping_batches: it would make the loader before a checkpoint's
        # place in it is known, and a continued epoch would begin anew
        return add_schedule(
            optimizer, self.scheduler, self.options.total_steps, self.target.name, self.target.mode
        )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the resolved config, the data's spec and each process's sums with the weights.

        metrics.csv is written first: what is in the checkpoint's past is then in the file.

        Raises:
            NonFiniteLoss: the weights are not finite: nobody could go on from there.
        """
        check_weights(self.named_parameters(), self.place(self.global_step))
        checkpoint["config"] = self.config
        checkpoint["data"] = asdict(self.spec)
        checkpoint["skipped_steps"] = self.skipped.steps
        checkpoint["warnings"] = self.warnings
        checkpoint["compiled"] = self.compiled is not None
        checkpoint["epoch_means"] = self.means.state(self.trainer.strategy.all_gather)
        for logger in self.loggers:
            logger.save()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on within the epoch."""
        self.skipped.steps = checkpoint.get("skipped_steps", 0)
        if not checkpoint.get("compiled", True):
            self.compiled = None  # the loss that it began with
        self.warnings = [*checkpoint.get("warnings", []), *self.warnings]
        kept = checkpoint.get("epoch_means", {})
        self.means.restore(kept, self.global_rank, self.trainer.world_size)
