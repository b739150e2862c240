"""Floor 8: where a run computes: GPUs where there are any, else CPU processes."""

import os
import sys
from dataclasses import dataclass

import torch
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from omegaconf import DictConfig
from pytorch_lightning.strategies import DDPStrategy, Strategy
from pytorch_lightning.utilities import rank_zero_only

from vael import ranks
from vael.errors import ConfigError
from vael.processes import cores

WORTH_THREADS = 2**16  # numbers in a batch from which on more than one thread pays


class Started(ClusterEnvironment):
    """Processes that were all started from outside, by whichever launcher.

    Given to the trainer, it keeps Lightning from guessing: from starting processes of its own,
    from trusting ``SLURM_*`` variables of an allocation that this run is only a guest in, and
    from resubmitting its job.
    """

    def __init__(self, rank: ranks.Rank | None) -> None:
        super().__init__()
        alone = ranks.Rank(0, 1, 0, 0, 1, "nobody", "127.0.0.1", 0)
        self._rank = rank or alone

    @property
    def creates_processes_externally(self) -> bool:
        """Always: Lightning starts none."""
        return True

    @property
    def main_address(self) -> str:
        """Where the first process listens."""
        return self._rank.address

    @property
    def main_port(self) -> int:
        """Its port."""
        return self._rank.port

    @staticmethod
    def detect() -> bool:
        """Never by itself."""
        return False

    def world_size(self) -> int:
        """Processes of the run."""
        return self._rank.world

    def set_world_size(self, size: int) -> None:
        """It is what it is."""
        assert size == self._rank.world, (size, self._rank)

    def global_rank(self) -> int:
        """Among all."""
        return self._rank.rank

    def set_global_rank(self, rank: int) -> None:
        """The launcher's number counts: srun may deal its tasks out to the nodes in turn."""

    def local_rank(self) -> int:
        """Among those of this node."""
        return self._rank.local

    def node_rank(self) -> int:
        """Of this node."""
        return self._rank.node


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
        worth = max(1, cores() // self.devices) if values >= WORTH_THREADS else 1
        return min(worth, int(os.environ.get(ranks.MAX_THREADS, sys.maxsize)))

    def environment(self) -> Started:
        """This process's place among those of the run."""
        return Started(ranks.find() if self.world > 1 else None)

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
    return Placement("gpu" if on_gpu else "cpu", options.devices, options.num_nodes)


def is_first() -> bool:
    """Whether this is the first of the run's processes: the one that writes."""
    return int(getattr(rank_zero_only, "rank", 0)) == 0
