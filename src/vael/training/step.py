"""One optimiser step that looks at no value, so that a GPU never waits for the host."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from pytorch_lightning.plugins.precision import Precision
from torch import Tensor
from torch.amp import GradScaler

from vael.training.average import Averaging
from vael.training.module import Draws, LitVAE
from vael.training.update import FusedAdam


@dataclass(frozen=True)
class Now:
    """What a step is given besides its batch: numbers on a CPU, 0-d float32 tensors on a GPU.

    Attributes:
        rates: the learning rate of each group of parameters.
        beta: the weight of the rate.
        step: optimiser steps before this one.
    """

    rates: Sequence[float | Tensor]
    beta: float | Tensor
    step: int | Tensor


@dataclass(frozen=True)
class StepOptions:
    """What guards a step.

    Attributes:
        clip: the largest norm of the gradient; None: not clipped.
        limit: a step whose norm is above it (or not finite) is left out; None: none is.
    """

    clip: float | None
    limit: float | None


class Step:
    """Forward, backward, guard, clip, update, average.

    A loss that is not finite leaves the weights alone, and so do all later steps: ``bad`` stays 1
    until somebody looks. The same operators run eagerly on a CPU and captured on a GPU.

    Args:
        lit: the module.
        updates: of the weights, one for each group of parameters.
        precision: Lightning's plugin: autocast, and the scaler of fp16.
        options: guards.
        averaging: of the weights, or None.
    """

    def __init__(
        self,
        lit: LitVAE,
        updates: Sequence[FusedAdam],
        precision: Precision,
        options: StepOptions,
        averaging: Averaging | None = None,
    ) -> None:
        self.lit, self.updates, self.precision, self.options = lit, updates, precision, options
        self.averaging = averaging
        self.parameters = [p for update in updates for p in update.options["params"]]
        self.names: list[str] = []
        self.grads: list[Tensor] = []
        self.bad = torch.zeros((), device=lit.device)
        self._norm: Tensor | None = None
        self._one = torch.ones((), device=lit.device)
        self.scaler: GradScaler | None = getattr(precision, "scaler", None)
        if self.scaler is not None and self.scaler._scale is None:
            self.scaler._lazy_init_scale_growth_tracker(lit.device)

    @property
    def measures_norm(self) -> bool:
        """Whether the norm of the gradient is the last number of a row."""
        return self.options.clip is not None or self.options.limit is not None

    def norm(self, row: Tensor) -> float:
        """Return the norm of the last step's gradient, given its row."""
        if self.measures_norm:
            return float(row[-1])
        queued, self._norm = self._norm, None
        return float(torch.nn.utils.get_total_norm(self.grads) if queued is None else queued)

    def queue_norm(self) -> None:
        """Have the device work out the norm of the last step's gradient while nobody waits."""
        self._norm = None if self.measures_norm else torch.nn.utils.get_total_norm(self.grads)

    @property
    def stops_at_bad(self) -> bool:
        """Whether a loss that is not finite is an error, not a step to be left out."""
        return self.options.limit is None or self.scaler is not None

    def tensors(self) -> list[Tensor]:
        """Return all tensors that a step changes."""
        scaler = self.scaler
        scale = [] if scaler is None else [scaler._scale, scaler._growth_tracker]
        averaged = self.averaging.tensors() if self.averaging else []
        own = [*self.lit.parameters(), *self.lit.buffers()]
        moments = [tensor for update in self.updates for tensor in update.tensors()]
        return [*own, *moments, *averaged, *scale, self.bad]  # type: ignore[list-item]

    def __call__(
        self, x: Tensor, draws: Draws, now: Now, *, context: Tensor | None = None
    ) -> Tensor:
        """Take the step.

        Args:
            x: raw examples ``(B, *E)`` on the device.
            draws: generators of corruption and latent noise, seeded for this batch.
            now: the numbers of the step.
            context: what is told of the examples, ``(B, K)``, or None.

        Returns:
            ``(1 + terms,)`` float32: the loss and its terms; then the norm of the gradient before
            it was clipped, where `measures_norm`.
        """
        for parameter in self.parameters:
            parameter.grad = None  # backward writes it anew, at a fixed address when captured
        with self.precision.train_step_context():
            loss = self.lit.loss(x, draws, now.step, now.beta, context=context)
        value = loss.value if self.scaler is None else self.scaler.scale(loss.value)
        value.backward()  # type: ignore[no-untyped-call]
        self.grads = [p.grad for p in self.parameters if p.grad is not None]
        self.names = list(loss.terms)
        row = [loss.value.detach(), *loss.terms.values()]
        leave = self._guard(row)
        if self.options.clip is not None:
            torch.nn.utils.clip_grads_with_norm_(self.parameters, self.options.clip, row[-1])
        for update, rate in zip(self.updates, now.rates, strict=True):
            update(rate, leave)
        if self.averaging is not None:
            self.averaging.update()
        return torch.stack(row)

    @torch.no_grad()
    def _guard(self, row: list[Tensor]) -> Tensor:
        """Return 1 where the step is to be left out; append the norm to the row, if measured."""
        if self.stops_at_bad:  # sets bad to 1 where the loss is not finite, and never back to 0
            torch._amp_foreach_non_finite_check_and_unscale_([row[0]], self.bad, self._one)
        leave = self.bad
        if self.scaler is not None:
            leave = torch.maximum(leave, self._unscale(self.scaler))
        if self.measures_norm:
            row.append(torch.nn.utils.get_total_norm(self.grads))
        if self.options.limit is not None:
            leave = torch.where(row[-1] <= self.options.limit, leave, self._one)
        return leave

    def _unscale(self, scaler: GradScaler) -> Tensor:
        """Divide the gradients by the scale, adapt it, and return 1 where they overflowed.

        As ``GradScaler.unscale_`` and ``update``, but here also for a fused optimiser: its kernel
        would unscale behind norm, clipping and skipping, which must see true gradients.
        """
        scale, tracker = scaler._scale, scaler._growth_tracker
        assert scale is not None
        assert tracker is not None
        overflow = torch.zeros_like(self.bad)
        inverse = scale.double().reciprocal().float()
        torch._amp_foreach_non_finite_check_and_unscale_(self.grads, overflow, inverse)
        factors = scaler.get_growth_factor(), scaler.get_backoff_factor()
        torch._amp_update_scale_(scale, tracker, overflow, *factors, scaler.get_growth_interval())
        return overflow
