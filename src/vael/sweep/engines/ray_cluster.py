"""Ray's cluster: reached, and compared with this machine, before anything is made."""

import os
import platform
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vael.errors import ConfigError
from vael.runs.provenance import code_changes, code_version
from vael.sweep.engines.node import check_shared_storage
from vael.sweep.spec import checks
from vael.sweep.spec.definition import Definition
from vael.sweep.study import storage

ADDRESS = "RAY_ADDRESS"
ANSWER_SECONDS = 3.0  # Ray itself tries a dead address for 82 s, and then leaves without a word
CHECK_SECONDS = 120.0
SETTINGS = b"\0\0\0\4\0\0\0\0\0"  # a frame with none (RFC 9113, 6.5)
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SETTINGS  # RFC 9113, 3.4


@dataclass(frozen=True)
class Share:
    """Resources of each worker, as Ray counts them: what its one trial at a time needs.

    Attributes:
        cpus: cores.
        gpus: GPUs; a fraction where several workers share one.
        resources: of one's own names.
    """

    cpus: int
    gpus: float
    resources: Mapping[str, float]

    def options(self) -> dict[str, Any]:
        """Return the options of a task of this share; Ray's own restarts are off."""
        return {
            "num_cpus": self.cpus,
            "num_gpus": self.gpus,
            "resources": dict(self.resources),
            "max_retries": 0,
        }

    def fits(self, offered: Mapping[str, float]) -> bool:
        """Tell whether a node that offers this much can run a worker."""
        wanted = {"CPU": self.cpus, "GPU": self.gpus, **self.resources}
        return all(offered.get(name, 0) >= amount for name, amount in wanted.items())

    def __str__(self) -> str:
        wanted = {"CPU": self.cpus, "GPU": self.gpus, **self.resources}
        return ", ".join(f"{amount:g} {name}" for name, amount in wanted.items() if amount)


def connect_cluster(d: Definition, per_device: int) -> tuple[Any, Share]:
    """Connect to the cluster of RAY_ADDRESS and check all that a sweep needs of it.

    Args:
        d: the definition; ``ray: {num_cpus: ..., num_gpus: ..., resources: {...}}`` says what
            each worker gets.
        per_device: workers that share a GPU.

    Returns:
        The module ``ray``, connected, and the share of each worker.

    Raises:
        ConfigError: Ray is not installed; nobody answers; Ray, Python or vael differ between the
            nodes; one does not see this folder; none has what a worker needs; or the storage is
            not for several nodes.
    """
    check_shared_storage(storage.locate_storage(d.storage, Path(d.name)))
    address = _find_address()
    _check_answer(address)
    try:
        import ray
    except ImportError as error:
        raise ConfigError(
            "--engine ray needs Ray, here and on each node: pip install 'ray[default]'."
        ) from error
    try:
        with _silence():
            ray.init(address=address, log_to_driver=False, logging_level="error")
    except SystemExit as end:  # Ray's way to give up on an address
        raise ConfigError(f"what answers at {ADDRESS}={address} is not the head of Ray.") from end
    except Exception as error:  # Ray's own kinds and builtin ones have no common base
        text = " ".join(str(error).split())
        raise ConfigError(
            f"cannot connect to Ray at {address}: {text}. Is it the head, and is its token known "
            "here (RAY_AUTH_TOKEN)?"
        ) from error
    try:
        nodes = {n["NodeID"]: n for n in ray.nodes() if n["Alive"]}
        share = find_share(d, per_device, any("GPU" in n["Resources"] for n in nodes.values()))
        fit = {i: n["NodeName"] for i, n in nodes.items() if share.fits(n["Resources"])}
        if not fit:
            raise ConfigError(
                f"each worker needs {share}, and no node of the cluster at {address} has that: "
                "say less in the sweep's file (ray: {num_cpus: ..., num_gpus: ...})."
            )
        check_nodes(ray, fit)
    except BaseException:
        ray.shutdown()
        raise
    return ray, share


def find_share(d: Definition, per_device: int, gpus: bool) -> Share:
    """Find what each worker asks Ray for: what the file says, else a GPU for each device.

    Args:
        d: the definition.
        per_device: workers that share a GPU.
        gpus: whether the cluster has any.
    """
    if per_device > 1 and d.devices > 1:
        raise ConfigError("--workers-per-device is for trials of one device: leave one of both.")
    uses = gpus and checks.compose_base(d).trainer.accelerator != "cpu"
    return Share(
        d.ray.get("num_cpus", d.devices),
        d.ray.get("num_gpus", d.devices / per_device if uses else 0),
        d.ray.get("resources", {}),
    )


def _find_address() -> str:
    address = os.environ.get(ADDRESS, "")
    host, _, port = address.rpartition(":")
    if not host or "/" in address or not port.isdecimal():
        raise ConfigError(
            f"--engine ray needs {ADDRESS}=HOST:PORT of a cluster's head, such as 10.0.0.1:6379, "
            f"but got {address!r}."
        )
    return address


def _check_answer(address: str) -> None:
    """Check that somebody there speaks HTTP/2, as gRPC does, and so the head of Ray."""
    host, _, port = address.rpartition(":")
    try:
        place = host.strip("[]"), int(port)
        with socket.create_connection(place, ANSWER_SECONDS) as connection:
            if "RAY_USE_TLS" not in os.environ:
                connection.sendall(GREETING)
                if connection.recv(9)[3:4] != SETTINGS[3:4]:
                    raise ConnectionError("it is no gRPC")
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"nobody answers at {ADDRESS}={address} as Ray does ({error}): is it the head of a "
            "cluster that runs (ray start --head)?"
        ) from error


@contextmanager
def _silence() -> Iterator[None]:
    """Drop what is printed to standard error: Ray's C++ warns of each try, and then raises."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def describe_node(folder: str) -> dict[str, Any]:
    """Describe the node that this runs on: versions, and whether it sees a folder."""
    import ray

    return {
        "code": {"Ray": ray.__version__, "Python": platform.python_version(), **code_version()},
        "sees": Path(folder).is_dir(),
    }


def check_nodes(ray: Any, nodes: Mapping[str, str]) -> None:
    """Compare nodes with this machine.

    Args:
        ray: the module, connected.
        nodes: their names, by Ray's id.

    Raises:
        ConfigError: says which node differs, and in what.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    folder = str(Path.cwd())
    asked = {}
    for node, name in nodes.items():
        place = NodeAffinitySchedulingStrategy(node, soft=False)
        task = ray.remote(describe_node).options(num_cpus=0, scheduling_strategy=place)
        asked[task.remote(folder)] = name
    _, silent = ray.wait(list(asked), num_returns=len(asked), timeout=CHECK_SECONDS)
    if silent:
        raise ConfigError(f"Ray's node {asked[silent[0]]} does not answer in {CHECK_SECONDS:g} s.")
    here = describe_node(folder)
    for reference, name in asked.items():
        try:
            there = ray.get(reference)
        except ray.exceptions.RayError as error:
            text = str(error).strip().rpartition("\n")[2]
            raise ConfigError(f"Ray's node {name} cannot run vael: {text}") from error
        compare_node(name, here, there, folder)


def compare_node(
    name: str, here: Mapping[str, Any], there: Mapping[str, Any], folder: str
) -> None:
    """Refuse a node whose trials would not be comparable, or that is not on the shared folder.

    Raises:
        ConfigError: says what differs.
    """
    changed = code_changes(here["code"], there["code"])
    if changed:
        raise ConfigError(
            f"Ray's node {name} differs from this machine ({', '.join(changed)}): install the "
            "same on both."
        )
    if not there["sees"]:
        raise ConfigError(
            f"Ray's node {name} does not see {folder}: start vael sweep in a folder that all "
            "nodes share."
        )
