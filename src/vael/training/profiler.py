"""Profiler of a run: RUN/profile.txt says where its time goes."""

import os
import re
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pytorch_lightning.profilers import PassThroughProfiler, Profiler
from pytorch_lightning.profilers.pytorch import RegisterRecordFunction
from torch import nn
from torch.profiler import ProfilerActivity, profile, schedule

from vael.distributed.lightning import is_first
from vael.files import write_text

STEP = "run_training_batch"  # Lightning's name of one training step with its optimiser
WARMUP, STEPS = 2, 20  # training steps before and while torch's profiler looks
ROWS = 25
MODULE = "[pl][module]"  # begins the name of a module's record in Lightning
NOTHING = nullcontext()
PARTS = {
    "next batch": "train_dataloader_next",
    "to the device": "batch_to_device",
    "forward and loss": "Strategy.training_step",
    "backward": "Strategy.backward",
}


class Unprofiled(PassThroughProfiler):
    """Time nothing; Lightning's own makes a generator for each of some thirty hooks of a step."""

    def profile(self, action_name: str) -> AbstractContextManager[None]:  # type: ignore[override]
        """Return a context that does nothing."""
        return NOTHING


@dataclass
class Timed:
    """Count the calls of a hook, a module or an operator, and the seconds in them."""

    name: str
    calls: int = 0
    seconds: float = 0.0

    def add(self, since: float) -> None:
        """Add a call that began then and ends now."""
        self.calls += 1
        self.seconds += time.perf_counter() - since


class RunProfiler(Profiler):
    """Time Lightning's hooks; with ``torch`` also the modules of the model and the operators.

    The file is written by the first process alone, at the end of the training and of the test.

    Args:
        path: the file.
        kind: ``simple``: hooks only, which costs next to nothing; ``torch``: torch's profiler
            looks at up to 20 training steps of the first epoch, after a warm-up of 2.
        model: whose modules are timed.
    """

    def __init__(self, path: Path, kind: Literal["simple", "torch"], model: nn.Module) -> None:
        super().__init__()
        self.path, self.kind = path, kind
        self._times: dict[str, Timed] = {}
        self._running: dict[str, float] = {}
        self._began = time.perf_counter()
        self._torch: profile | None = None
        self._modules = RegisterRecordFunction(model)
        self._steps = self._looked = 0
        self._seen: list[Any] = []
        self._own = Timed("torch's profiler itself")

    def start(self, action_name: str) -> None:
        """Start the clock of a hook; the first training step starts torch's profiler."""
        if action_name == STEP and self.kind == "torch" and self._steps == 0:
            self._look()
        elif "validation" in action_name:  # its forward passes are not those of training
            self._look_away()
        self._running[action_name] = time.perf_counter()

    def stop(self, action_name: str) -> None:
        """Stop the clock of a hook."""
        began = self._running.pop(action_name)
        self._times.setdefault(action_name, Timed(_short(action_name))).add(began)
        if action_name == STEP:
            self._steps += 1
            if self._torch is not None:
                began = time.perf_counter()
                self._torch.step()
                self._own.add(began)
                self._looked = self._steps - WARMUP
                if self._looked == STEPS:
                    self._look_away()

    def _look(self) -> None:
        began = time.perf_counter()
        os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # else it tells the terminal that it starts
        activities = [ProfilerActivity.CPU]
        if torch.cuda.is_available():
            activities.append(ProfilerActivity.CUDA)
        self._modules.__enter__()
        steps = schedule(wait=0, warmup=WARMUP, active=STEPS)
        self._torch = profile(activities=activities, schedule=steps, acc_events=True)
        self._torch.start()
        self._own.add(began)

    def _look_away(self) -> None:
        if self._torch is None:
            return
        began = time.perf_counter()
        self._modules.__exit__(None, None, None)
        self._torch.stop()
        if self._looked > 0:
            self._seen = list(self._torch.key_averages())
        self._torch = None
        self._own.add(began)

    def teardown(self, stage: str | None) -> None:
        """End torch's profiler, if the run was too short for it to end by itself."""
        self._look_away()
        super().teardown(stage)

    def __del__(self) -> None:
        """Do nothing: there is no file to close (the base class would call `teardown`)."""

    def describe(self) -> None:
        """Write the file."""
        self._look_away()
        if is_first():
            write_text(self.path, self.summary())

    def summary(self) -> str:
        """Return the tables, each sorted by time."""
        whole = time.perf_counter() - self._began
        hooks = list(self._times.values())
        parts = [
            _step(hooks),
            f"The run, {whole:.1f} s since its start. The time of a hook "
            "includes the hooks that it calls.",
        ]
        if self.kind == "torch":
            hooks.append(self._own)
        parts.append(_table("hook", hooks, whole, "of all"))
        if self.kind == "torch":
            parts += self._torch_tables()
        return "\n\n".join(parts) + "\n"

    def _torch_tables(self) -> list[str]:
        if not self._seen:
            return [
                "No modules and operators: for those the first epoch needs more than "
                f"{WARMUP} training steps (data.batch_size)."
            ]
        on_gpu = any(event.self_device_time_total for event in self._seen)
        modules = [
            Timed(_module_name(event.key), event.count, _seconds(event, on_gpu, own=False))
            for event in self._seen
            if event.key.startswith(MODULE)
        ]
        # the profiler's own marks have no time of their own that would mean something
        operators = [
            Timed(event.key, event.count, _seconds(event, on_gpu, own=True))
            for event in self._seen
            if not event.key.startswith((MODULE, "ProfilerStep"))
        ]
        where, whole = "GPU" if on_gpu else "CPU", sum(row.seconds for row in operators)
        return [
            f"Below: {self._looked} training steps, {where} time. Modules: forward only, with the "
            "modules in them.",
            _table("module", modules, whole, "of operators"),
            "Operators, forward and backward: each without those that it calls.",
            _table("operator", operators, whole, "of operators"),
        ]


def _module_name(key: str) -> str:
    """Return ``[pl][module]package.Class: name`` as ``name (Class)``."""
    kind, _, name = key.removeprefix(MODULE).partition(": ")
    return f"{name} ({kind.rpartition('.')[2]})"


def _seconds(event: Any, on_gpu: bool, own: bool) -> float:
    name = f"{'self_' if own else ''}{'device' if on_gpu else 'cpu'}_time_total"
    return float(getattr(event, name)) * 1e-6


def _short(action: str) -> str:
    """Return ``[Callback]Name{its: options}.on_fit_start`` as ``Name.on_fit_start``."""
    plain = re.sub(r"\{.*\}", "", action)
    return plain.partition("]")[2].lstrip(".") if plain.startswith("[") else plain


def _step(hooks: list[Timed]) -> str:
    """Say where the time of a training step goes, in a few words."""
    means = {row.name: row.seconds / row.calls for row in hooks}
    if STEP not in means:
        return "No training step was made."
    rows = {
        part: next((mean for name, mean in means.items() if name.endswith(end)), 0.0)
        for part, end in PARTS.items()
    }
    inside = rows["forward and loss"] + rows["backward"]
    rows["optimiser and the rest"] = means[STEP] - inside
    whole = sum(rows.values())
    lines = [f"A training step, {1e3 * whole:.2f} ms in the mean:"]
    lines += [
        f"{part:<24}{1e3 * mean:>9.2f} ms  {mean / whole:>6.1%}" for part, mean in rows.items()
    ]
    return "\n".join(lines)


def _table(title: str, rows: list[Timed], whole: float, of: str) -> str:
    rows = sorted(rows, key=lambda row: -row.seconds)[:ROWS]
    width = max(len(title), *(len(row.name) for row in rows)) if rows else len(title)
    lines = [f"{title:<{width}}  {'calls':>7}  {'total s':>9}  {'mean ms':>9}  % {of}"]
    lines += [
        f"{row.name:<{width}}  {row.calls:>7}  {row.seconds:>9.4f}  "
        f"{1e3 * row.seconds / max(row.calls, 1):>9.4f}  {row.seconds / whole:.1%}"
        for row in rows
    ]
    return "\n".join(lines)
