"""Update of the weights by torch's fused kernel of Adam, called without torch's wrapper."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Adam, AdamW, Optimizer


class FusedAdam:
    """Step a fused Adam or AdamW, to the bit as its own ``step``, on lists that are made once.

    The wrapper groups parameters, sets marks and looks for hooks at each step: on a CPU that takes
    ten times as long as the kernel of a small net, and a step that is captured may not run it. The
    optimiser's own state is updated, so its checkpoints stay as they are.

    Args:
        optimizer: for which `fits` holds.
        group: number of the group of parameters that is stepped.
    """

    def __init__(self, optimizer: Optimizer, group: int = 0) -> None:
        self.optimizer = optimizer
        self.options = optimizer.param_groups[group]
        decoupled = self.options.get("decoupled_weight_decay", isinstance(optimizer, AdamW))
        kernel: Any = torch._fused_adamw_ if decoupled else torch._fused_adam_
        self._kernel = kernel
        self._parameters: list[Parameter] = []
        self._states: dict[str, list[Tensor]] = {}
        optimizer._opt_called = True  # type: ignore[attr-defined]  # for torch's schedules

    @staticmethod
    def fits(optimizer: Optimizer) -> bool:
        """Return whether the optimiser is a fused Adam or AdamW without hooks."""
        return (
            type(optimizer) in (Adam, AdamW)
            and all(
                group["fused"] and not isinstance(group["lr"], Tensor)
                for group in optimizer.param_groups
            )
            and not (optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks)
        )

    @property
    def rate(self) -> float:
        """The learning rate that a schedule has set."""
        return float(self.options["lr"])

    def tensors(self) -> list[Tensor]:
        """Return all tensors that a step changes beside the weights."""
        states = (self.optimizer.state.get(p, {}) for p in self.options["params"])
        return [value for state in states for value in state.values()]

    @torch.no_grad()
    def __call__(self, rate: float | Tensor, leave: Tensor) -> None:
        """Step the parameters that have gradients; where they change, lists are made anew.

        Args:
            rate: the learning rate; on a GPU a 0-d float32 tensor.
            leave: 0-d float32; where it is 1, weights, moments and counts stay as they are.
        """
        parameters = [p for p in self.options["params"] if p.grad is not None]
        same = len(parameters) == len(self._parameters) and all(
            a is b for a, b in zip(parameters, self._parameters, strict=True)
        )
        if not same:
            self._collect(parameters)
        states, options = self._states, self.options
        counts = states["step"]
        torch._foreach_add_(counts, 1)
        self._kernel(
            self._parameters,
            [p.grad for p in parameters],
            states["exp_avg"],
            states["exp_avg_sq"],
            states.get("max_exp_avg_sq", []),
            counts,
            lr=rate,
            beta1=options["betas"][0],
            beta2=options["betas"][1],
            weight_decay=options["weight_decay"],
            eps=options["eps"],
            amsgrad=options["amsgrad"],
            maximize=options["maximize"],
            found_inf=leave,
        )
        torch._foreach_sub_(counts, [leave] * len(counts))

    def _collect(self, parameters: Sequence[Parameter]) -> None:
        """List the optimiser's state of these parameters, made as Adam would make it."""
        names = ["exp_avg", "exp_avg_sq", *["max_exp_avg_sq"] * self.options["amsgrad"]]
        for parameter in parameters:
            if not self.optimizer.state[parameter]:
                count = torch.zeros((), dtype=torch.float32, device=parameter.device)
                fresh = {name: torch.zeros_like(parameter).detach() for name in names}
                self.optimizer.state[parameter] = {"step": count, **fresh}
        self._parameters = list(parameters)
        self._states = {
            name: [self.optimizer.state[p][name] for p in parameters] for name in ["step", *names]
        }
