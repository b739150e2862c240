"""Placement: the devices, threads, ranks and strategy that Lightning gets."""

import os
from dataclasses import dataclass

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from omegaconf import DictConfig
from pytorch_lightning.strategies import DDPStrategy, Strategy
from pytorch_lightning.utilities import rank_zero_only

from vael.distributed import ranks
from vael.distributed.processes import count_cores
from vael.errors import ConfigError

WORTH_THREADS = 2**16  # numbers in a batch from which on more than one thread pays


class LaunchedProcesses(ClusterEnvironment):
    """Tell Lightning that all processes were started from outside, by whichever launcher.

    Given to the trainer, it keeps Lightning from guessing: from starting processes of its own,
    from trusting ``SLURM_*`` variables of an allocation that this run is only a guest in, and
    from resubmitting its job.
    """

    def __init__(self, rank: ranks.Rank | None) -> None:
        super().__init__()
        self._rank = rank or ranks.Rank(0, 1, 0, 0, 1, "nobody", "127.0.0.1", 0)

    @property
    def creates_processes_externally(self) -> bool:
        """Return True: Lightning starts none."""
        return True

    @property
    def main_address(self) -> str:
        """Return the address where the first process listens."""
        return self._rank.address

    @property
    def main_port(self) -> int:
        """Return the port where the first process listens."""
        return self._rank.port

    @staticmethod
    def detect() -> bool:
        """Return False: Lightning never chooses this by itself."""
        return False

    def world_size(self) -> int:
        """Return the number of processes of the run."""
        return self._rank.world

    def set_world_size(self, size: int) -> None:
        """Check that Lightning counts as many as the launcher."""
        assert size == self._rank.world, (size, self._rank)

    def global_rank(self) -> int:
        """Return the place among all processes."""
        return self._rank.rank

    def set_global_rank(self, rank: int) -> None:
        """Ignore Lightning's number: srun may deal its tasks out to the nodes in turn."""

    def local_rank(self) -> int:
        """Return the place among the processes of this node."""
        return self._rank.local

    def node_rank(self) -> int:
        """Return the place of this node."""
        return self._rank.node


@dataclass(frozen=True)
class Placement:
    """Devices and nodes of a run."""

    accelerator: str
    devices: int
    num_nodes: int

    @property
    def world(self) -> int:
        """Count the processes of the run, over all nodes."""
        return self.devices * self.num_nodes

    def threads(self, asked: int | None, values: int) -> int:
        """Return the CPU threads of a process: those asked for, or what its batch is worth.

        Those asked for are kept whatever else runs: other sums round differently. A sweep's worker
        shares the cores with others: ``VAEL_MAX_THREADS`` bounds what is found here.

        Small batches gain nothing from a second thread (8x8 digits: 14,700 examples/s with one
        or two; 28x28: 1,600 and 2,770), and collapse to a tenth where another process wants the
        core.

        Args:
            asked: ``trainer.threads``.
            values: numbers in one process's batch.
        """
        if asked is not None:
            return asked
        worth = max(1, count_cores() // self.devices) if values >= WORTH_THREADS else 1
        return min(worth, max(1, ranks.read_count(os.environ, ranks.MAX_THREADS, worth)))

    def environment(self) -> LaunchedProcesses:
        """Return this process's place among those of the run."""
        return LaunchedProcesses(ranks.find_rank() if self.world > 1 else None)

    def strategy(self, some_unused: bool = False) -> Strategy | str:
        """Return Lightning's strategy: one process, or DDP over gloo (CPU) or NCCL (GPU).

        Args:
            some_unused: whether a loss may hang on only some of the parameters, for which DDP has
                to look at each step; else it ends the run.
        """
        if self.world == 1:
            return "auto"
        backend = "gloo" if self.accelerator == "cpu" else "nccl"
        # no buffer of ours ever changes: sending them at every step would be for nothing
        return DDPStrategy(
            process_group_backend=backend,
            broadcast_buffers=False,
            find_unused_parameters=some_unused,
        )


def find_placement(options: DictConfig) -> Placement:
    """Return the placement that ``trainer.*`` asks for on this machine.

    Raises:
        ConfigError: GPUs are asked for and there are none, or fewer.
    """
    gpus = torch.cuda.device_count()
    if options.accelerator == "gpu" and gpus == 0:
        raise ConfigError(
            "trainer.accelerator=gpu, but torch sees no GPU here: use "
            "trainer.accelerator=cpu (or auto), or install torch with CUDA."
        )
    on_gpu = options.accelerator != "cpu" and gpus > 0
    if on_gpu and options.devices > gpus:
        raise ConfigError(
            f"trainer.devices={options.devices}, but this machine has {gpus} GPUs: "
            f"use trainer.devices={gpus}, or trainer.accelerator=cpu."
        )
    if str(options.precision) == "16" and not on_gpu:
        raise ConfigError(
            "trainer.precision=16 needs a GPU: use trainer.precision=bf16, which "
            "has the range of float32."
        )
    if options.get("capture") is True and not on_gpu:
        raise ConfigError(
            "trainer.capture=true needs a GPU: use trainer.capture=auto, which captures on one."
        )
    return Placement("gpu" if on_gpu else "cpu", options.devices, options.num_nodes)


def agree_on(trainer: pl.Trainer, number: int) -> int:
    """Return the largest number that any process has, in all of them."""
    if trainer.world_size == 1:
        return number
    heard = torch.tensor(number, device=trainer.strategy.root_device)
    torch.distributed.all_reduce(heard, torch.distributed.ReduceOp.MAX)
    return int(heard)


def leave_process_group() -> None:
    """End the threads that speak to the other ranks; to be called where all ranks come by.

    Gloo's threads free tensors; one that is late, when Python itself is ending, aborts the process
    (https://github.com/pytorch/pytorch/issues/190489). Lightning ends them for NCCL alone. After
    an error of one rank they would wait for the others: there they are left as they are.
    """
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def is_first() -> bool:
    """Return whether this is the first of the run's processes: the one that writes."""
    return int(getattr(rank_zero_only, "rank", 0)) == 0
