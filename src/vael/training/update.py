"""Update of the weights by torch's fused kernel of Adam, called without torch's wrapper."""

from collections.abc import Sequence
from math import ceil
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Adam, AdamW, Optimizer

BLOCK_ELEMENTS = 65_536  # of one tensor that a block of threads of torch's kernel takes
LAUNCH_TENSORS = {4: 36, 5: 30}  # most tensors of a launch, over the number of lists
LAUNCHES = 3  # side by side
SMALLEST = 4096  # elements of a piece: less is over before the next one is begun
ALIGNED = 128  # elements: vector loads stay aligned, and a CPU's vectors whole


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
        states = self._states
        counts = states["step"]
        grads = [p.grad for p in parameters if p.grad is not None]
        moments = (states[name] for name in states if name != "step")
        lists: list[list[Tensor]] = [list(self._parameters), grads, *moments]
        torch._foreach_add_(counts, 1)
        if leave.is_cuda and torch.cuda.is_current_stream_capturing():
            self._launch_side_by_side(*cut_lists(lists, counts), rate, leave)
        else:
            self._launch(lists, counts, rate, leave)
        torch._foreach_sub_(counts, [leave] * len(counts))

    def _launch(
        self, lists: list[list[Tensor]], steps: list[Tensor], rate: float | Tensor, leave: Tensor
    ) -> None:
        options = self.options
        self._kernel(
            *lists[:4],
            lists[4] if options["amsgrad"] else [],
            steps,
            lr=rate,
            beta1=options["betas"][0],
            beta2=options["betas"][1],
            weight_decay=options["weight_decay"],
            eps=options["eps"],
            amsgrad=options["amsgrad"],
            maximize=options["maximize"],
            found_inf=leave,
        )

    def _launch_side_by_side(
        self, lists: list[list[Tensor]], steps: list[Tensor], rate: float | Tensor, leave: Tensor
    ) -> None:
        """Have a graph that is being captured run several launches at once."""
        most, here = LAUNCH_TENSORS[len(lists)], torch.cuda.current_stream()
        streams: list[torch.cuda.Stream] = []
        for first in range(0, len(steps), most):
            part, stream = slice(first, first + most), torch.cuda.Stream()  # type: ignore[no-untyped-call]
            stream.wait_stream(here)
            with torch.cuda.stream(stream):
                self._launch([each[part] for each in lists], steps[part], rate, leave)
            streams.append(stream)
        for stream in streams:
            here.wait_stream(stream)

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


def cut_lists(
    lists: list[list[Tensor]], counts: list[Tensor]
) -> tuple[list[list[Tensor]], list[Tensor]]:
    """Cut the tensors of these lists into pieces that keep a GPU busy.

    torch's kernel gives each 65,536 elements of a tensor to one block: 653,000 weights to 10 of
    the 132 processors of an H100, which took 83 of the 306 us of a captured step. It works element
    by element, so pieces give the same bits.

    Args:
        lists: weights, gradients and moments, tensor by tensor of the same shapes.
        counts: of the steps of each tensor.

    Returns:
        Pieces for at most `LAUNCHES` launches, with the count of each; all as it is where it
        cannot be cut into pieces of less than a block.
    """
    total = sum(tensor.numel() for tensor in lists[0])
    room = LAUNCHES * LAUNCH_TENSORS[len(lists)] - len(lists[0])
    size = max(SMALLEST, ceil(total / max(room, 1) / ALIGNED) * ALIGNED)
    whole = all(tensor.is_contiguous() for each in lists for tensor in each)
    if room < 1 or size >= BLOCK_ELEMENTS or not whole:
        return lists, counts
    cut = [
        [piece for tensor in each for piece in torch.split(tensor.detach().view(-1), size)]
        for each in lists
    ]
    pieces = (ceil(tensor.numel() / size) for tensor in lists[0])
    return cut, [count for count, n in zip(counts, pieces, strict=True) for _ in range(n)]
