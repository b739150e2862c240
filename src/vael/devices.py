"""Floor 8: where a run computes: GPUs where there are any, else CPU processes."""

import os
from dataclasses import dataclass

import torch
from omegaconf import DictConfig
from pytorch_lightning.strategies import DDPStrategy, Strategy
from pytorch_lightning.utilities import rank_zero_only

from vael.errors import ConfigError

WORTH_THREADS = 2**16  # numbers in a batch from which on more than one thread pays


@dataclass(frozen=True)
class Placement:
    """Devices and nodes of a run."""

    accelerator: str
    devices: int
    num_nodes: int

    @property
    def world(self) -> int:
        """Processes of the run, over all nodes."""
        return self.devices * self.num_nodes

    def threads(self, asked: int | None, values: int) -> int:
        """CPU threads of a process: those asked for, or what its batch is worth.

        Small batches gain nothing from a second thread (8x8 digits: 14,700 examples/s with one
        or two; 28x28: 1,600 and 2,770), and collapse to a tenth where another process wants the
        core.

        Args:
            asked: ``trainer.threads``.
            values: numbers in one process's batch.
        """
        if asked is not None:
            return asked
        cores = os.cpu_count() or 1
        if hasattr(os, "sched_getaffinity"):
            cores = len(os.sched_getaffinity(0))
        return max(1, cores // self.devices) if values >= WORTH_THREADS else 1

    def strategy(self) -> Strategy | str:
        """One process, or DDP over gloo (CPU) or NCCL (GPU)."""
        if self.world == 1:
            return "auto"
        backend = "gloo" if self.accelerator == "cpu" else "nccl"
        # no buffer of ours ever changes: sending them at every step would be for nothing
        return DDPStrategy(process_group_backend=backend, broadcast_buffers=False)


def place(options: DictConfig) -> Placement:
    """The placement that ``trainer.*`` asks for on this machine.

    Raises:
        ConfigError: GPUs are asked for and there are none, or fewer.
    """
    gpus = torch.cuda.device_count()
    if options.accelerator == "gpu" and gpus == 0:
        raise ConfigError("trainer.accelerator=gpu, but torch sees no GPU here: use "
                          "trainer.accelerator=cpu (or auto), or install torch with CUDA.")
    on_gpu = options.accelerator != "cpu" and gpus > 0
    if on_gpu and options.devices > gpus:
        raise ConfigError(f"trainer.devices={options.devices}, but this machine has {gpus} GPUs: "
                          f"use trainer.devices={gpus}, or trainer.accelerator=cpu.")
    return Placement("gpu" if on_gpu else "cpu", options.devices, options.num_nodes)


def is_first() -> bool:
    """Whether this is the first of the run's processes: the one that writes."""
    return int(getattr(rank_zero_only, "rank", 0)) == 0
