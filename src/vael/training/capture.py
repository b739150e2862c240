"""Capture of a step in a CUDA graph, or the reason why it cannot be captured."""

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from vael.errors import VaelError

Body = Callable[[], None]
TOLERANCE = 1e-3
"""Relative difference between a captured and an eager step, in loss, terms and gradient's norm."""


class StepGraph(Protocol):
    """A graph of a step: recorded once and replayed."""

    def warm(self, body: Body) -> None:
        """Run the body until nothing in it is done for the first time; refuse one that looks."""
        ...

    def record(self, body: Body) -> None:
        """Record the body without running it."""
        ...

    def replay(self) -> None:
        """Run what was recorded."""
        ...


class CudaGraph:
    """A CUDA graph. Generators are read anew at each replay: seed them before it.

    Args:
        generators: that the body draws from.
    """

    def __init__(self, *generators: torch.Generator) -> None:
        self._graph, self._stream = torch.cuda.CUDAGraph(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
        for generator in generators:
            self._graph.register_generator_state(generator)

    def warm(self, body: Body) -> None:
        """Run the body on the graph's stream: twice freely, then where a look is an error."""
        self._stream.wait_stream(torch.cuda.current_stream())
        before = torch.cuda.get_sync_debug_mode()
        try:
            with torch.cuda.stream(self._stream), warnings.catch_warnings():
                body()
                body()
                warnings.filterwarnings("ignore", ".*Synchronization debug mode is a prototype")
                torch.cuda.set_sync_debug_mode("error")
                body()
        finally:
            torch.cuda.set_sync_debug_mode(before)
            torch.cuda.current_stream().wait_stream(self._stream)

    def record(self, body: Body) -> None:
        """Record the body."""
        with torch.cuda.graph(self._graph, stream=self._stream):
            body()

    def replay(self) -> None:
        """Run what was recorded."""
        self._graph.replay()


class State:
    """All tensors that a step changes, as they are now; those made later were zero.

    Args:
        tensors: returns them.
        device: whose default generator is put back, too.
    """

    def __init__(self, tensors: Callable[[], list[Tensor]], device: torch.device) -> None:
        self._tensors, self._device = tensors, device
        self._kept = {id(t): t.detach().clone() for t in tensors()}
        self._random = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    @torch.no_grad()
    def restore(self) -> None:
        """Put the values back into the same tensors."""
        for tensor in self._tensors():
            kept = self._kept.get(id(tensor))
            if kept is None:
                tensor.zero_()
            else:
                tensor.detach().copy_(kept)
        if self._random is not None:
            torch.cuda.set_rng_state(self._random, self._device)


def capture_step(
    graph: StepGraph,
    body: Body,
    seed: Callable[[], object],
    result: Callable[[], list[float]],
    state: State,
    model: nn.Module,
) -> str | None:
    """Record a step and compare a replay with an eager step; the state is put back.

    Args:
        graph: records.
        body: one step; seeds no generator.
        seed: seeds the generators for the step that is compared.
        result: numbers of the last step, of an eager one and of a replayed one alike.
        state: before the step.
        model: whose modules are named where one cannot be captured.

    Returns:
        None, or why the step cannot be captured, in one line.

    Raises:
        VaelError: the step itself has refused something.
        OutOfMemoryError: there is too little memory on the GPU.
    """
    with name_modules(model) as entered:
        try:
            graph.warm(body)
            state.restore()
            seed()
            body()
            eager = result()
            state.restore()
            graph.record(body)
        except (VaelError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # of a user's own code, or of CUDA: of any kind
            state.restore()
            where = entered[-1] if entered else "the step"
            return f"{where} cannot be captured: {' '.join(str(error).split())[:200]}"
    seed()
    graph.replay()
    replayed = result()
    state.restore()
    if all(map(_agree, eager, replayed)):
        return None
    return f"a captured step differs from an eager one: {replayed} instead of {eager}"


def _agree(a: float, b: float) -> bool:
    same = math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return same or (math.isnan(a) and math.isnan(b))


@contextmanager
def name_modules(model: nn.Module) -> Iterator[list[str]]:
    """Keep the names of the modules whose forward pass is under way, the innermost last.

    None where the loss is compiled: hooks inside would compile it anew.
    """
    entered: list[str] = []
    handles: list[Any] = []
    watched = () if getattr(model, "compiled", None) else model.named_modules()
    for name, module in watched:
        if not name:
            continue
        label = f"{name} ({type(module).__name__})"
        handles.append(
            module.register_forward_pre_hook(partial(_enter, entered, label), prepend=True)
        )
        handles.append(module.register_forward_hook(partial(_leave, entered)))
    try:
        yield entered
    finally:
        for handle in handles:
            handle.remove()


def _enter(entered: list[str], label: str, module: nn.Module, inputs: object) -> None:
    entered.append(label)


def _leave(entered: list[str], module: nn.Module, inputs: object, output: object) -> None:
    entered.pop()
