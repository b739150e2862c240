"""Ranks: which of a run's processes this one is, whichever launcher started them."""

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from vael.errors import ConfigError

SUPERVISED = "VAEL_SUPERVISED"  # set by our own supervisor for the ranks that it starts
MAX_THREADS = "VAEL_MAX_THREADS"  # set by a sweep's worker: its share of the cores


@dataclass(frozen=True)
class Rank:
    """A process's place among the processes of a run.

    Attributes:
        nodes: machines that take part; None where the launcher does not say.
        launcher: who started the processes, in words for messages.
    """

    rank: int
    world: int
    local: int
    node: int
    nodes: int | None
    launcher: str
    address: str
    port: int
    name: str | None = None

    def environment(self) -> dict[str, str]:
        """Return the variables that torch, Lightning and our own processes read it from."""
        return {
            "RANK": str(self.rank),
            "WORLD_SIZE": str(self.world),
            "LOCAL_RANK": str(self.local),
            "NODE_RANK": str(self.node),
            "MASTER_ADDR": self.address,
            "MASTER_PORT": str(self.port),
        }


def find_rank(environ: Mapping[str, str] = os.environ) -> Rank | None:
    """Read what torchrun, srun or another launcher says; None in a process started alone.

    Raises:
        ConfigError: the launcher says too little, or what is no number.
    """
    if "TORCHELASTIC_RUN_ID" in environ:
        return _from_variables(environ, "torchrun")
    # in an sbatch script, or in a step of one task, the processes are ours to start
    if read_count(environ, "SLURM_STEP_NUM_TASKS", 1) > 1 and "SLURM_PROCID" in environ:
        return _from_slurm(environ)
    if "RANK" in environ or "LOCAL_RANK" in environ:
        return _from_variables(environ, "this process's launcher")
    return None


def is_first_rank(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether this process writes, also before any launcher's ranks are known."""
    try:
        rank = find_rank(environ)
        return read_count(environ, "NODE_RANK", 0) == 0 if rank is None else rank.rank == 0
    except ConfigError:
        return True  # no run comes of it, and somebody must say so


def read_count(environ: Mapping[str, str], name: str, default: int | None = None) -> int:
    """Read a whole number >= 0 that a launcher, or a user, has put into the environment.

    Raises:
        ConfigError: it is missing and has no default, or is no such number.
    """
    text = environ.get(name, "" if default is None else str(default)).strip()
    if not (text.isdecimal() and text.isascii()):
        raise ConfigError(
            f"the environment's {name} must be a whole number >= 0, got {text!r}: unset it, or "
            "let a launcher such as torchrun or srun set it."
        )
    return int(text)


def check_ranks(rank: Rank | None, devices: int, num_nodes: int) -> None:
    """Refuse a run of another size than what was started.

    Raises:
        ConfigError: the config and the launcher disagree, or a node does not know its place.
    """
    world = devices * num_nodes
    if rank is None:
        missing = [
            name
            for name in ("NODE_RANK", "MASTER_ADDR", "MASTER_PORT")
            if num_nodes > 1 and name not in os.environ
        ]
        if missing:
            raise ConfigError(
                f"trainer.num_nodes={num_nodes}, but {' and '.join(missing)} not set: start the "
                "run on every node with NODE_RANK=0,1,..., the first node's MASTER_ADDR and a "
                "free MASTER_PORT, or with torchrun or srun."
            )
        return
    if rank.world != world or rank.nodes not in (None, num_nodes):
        nodes = rank.nodes or num_nodes
        each = max(1, rank.world // nodes)
        raise ConfigError(
            f"{rank.launcher} started {rank.world} processes on {nodes} node(s), but "
            f"trainer.devices={devices} * trainer.num_nodes={num_nodes} = {world}: give "
            f"trainer.devices={each} trainer.num_nodes={nodes}, or start {world}."
        )


def _from_variables(environ: Mapping[str, str], launcher: str) -> Rank:
    needed = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    missing = [name for name in needed if name not in environ]
    if missing:
        raise ConfigError(
            f"RANK or LOCAL_RANK is set, so {launcher} must also set "
            f"{' and '.join(missing)}; unset them to let vael start its processes."
        )
    world = read_count(environ, "WORLD_SIZE")
    each = read_count(environ, "LOCAL_WORLD_SIZE", 0)
    return Rank(
        read_count(environ, "RANK"),
        world,
        read_count(environ, "LOCAL_RANK"),
        read_count(environ, "NODE_RANK", read_count(environ, "GROUP_RANK", 0)),
        world // each if each else None,
        launcher,
        environ["MASTER_ADDR"],
        read_count(environ, "MASTER_PORT"),
        environ.get("TORCHELASTIC_RUN_ID"),
    )


def _from_slurm(environ: Mapping[str, str]) -> Rank:
    job, step = read_count(environ, "SLURM_JOB_ID"), read_count(environ, "SLURM_STEP_ID", 0)
    nodes = read_count(environ, "SLURM_STEP_NUM_NODES", read_count(environ, "SLURM_NNODES", 1))
    # below the ephemeral ports, and another for each job and step
    port = read_count(environ, "MASTER_PORT", 15000 + (job + 97 * step) % 10000)
    return Rank(
        read_count(environ, "SLURM_PROCID"),
        read_count(environ, "SLURM_STEP_NUM_TASKS"),
        read_count(environ, "SLURM_LOCALID"),
        read_count(environ, "SLURM_NODEID"),
        nodes,
        "srun",
        _address(environ, nodes),
        port,
        f"{job}.{step}" if step else str(job),
    )


def _address(environ: Mapping[str, str], nodes: int) -> str:
    given = environ.get("MASTER_ADDR")
    if given:
        return given
    if nodes == 1:
        return "127.0.0.1"
    listed = environ.get("SLURM_STEP_NODELIST", environ.get("SLURM_NODELIST", ""))
    opened = re.sub(r"\[(\d+).*?\]", r"\1", listed)  # gpu[05-07,9],cpu1 -> gpu05,cpu1
    name = opened.split(",")[0]
    try:
        socket.getaddrinfo(name, None)
    except OSError as error:
        raise ConfigError(
            f"the first node of this step, {name!r}, has no address here ({error}): "
            "set MASTER_ADDR to an address of it."
        ) from error
    return name
