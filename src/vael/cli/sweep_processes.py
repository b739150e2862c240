"""Hidden verbs: what the processes of a sweep are started with."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vael.cli.sweep_engines import conclude
from vael.distributed import processes, signals
from vael.errors import ConfigError, VaelError


def sweep_node(
    folder: Annotated[Path, typer.Argument(help="A sweep's folder.")],
    workers: Annotated[int, typer.Option(help="On this task's devices.")] = 1,
    cores: Annotated[
        int | None, typer.Option(help="For all of them; default: all there are.")
    ] = None,
    parent: Annotated[
        int | None, typer.Option(help="Process that starts this, and with which it dies.")
    ] = None,
    report: Annotated[bool, typer.Option(help="Conclude the sweep when all is done.")] = True,
) -> None:
    """Work on a sweep with what SLURM or Ray has given to this task."""
    if parent is not None:
        processes.die_with(parent)
    signals.arm()  # Ray's own processes, and so their children, block SIGINT
    from vael.sweep.workers.forks import make_starter

    with closing(make_starter()) as starter:
        from vael.sweep.engines import node
        from vael.sweep.study.study import Study

        code = node.run_node(folder, workers, cores, starter)
    if report and not code:
        conclude(Study.open(folder))
    raise SystemExit(code)


def sweep_worker(
    folder: Annotated[Path, typer.Argument(help="A sweep's folder.")],
    name: Annotated[str, typer.Option(help="Of this worker.")],
    devices: Annotated[str | None, typer.Option(help="CUDA_VISIBLE_DEVICES.")] = None,
    num_devices: Annotated[int, typer.Option(help="Of each trial.")] = 1,
    threads: Annotated[int, typer.Option(help="CPU threads of each process.")] = 1,
    forks: Annotated[
        int | None, typer.Option(help="Descriptor of a line to the fork server.")
    ] = None,
) -> None:
    """Work on the trials of a sweep that vael sweep has made."""
    signals.arm()
    from vael.sweep.study.records import Slot
    from vael.sweep.study.study import Study
    from vael.sweep.workers.forks import open_forks
    from vael.sweep.workers.process import ProcessStarter
    from vael.sweep.workers.worker import work_on_trials

    slot = Slot(devices, num_devices, threads)
    with closing(ProcessStarter() if forks is None else open_forks(forks)) as starter:
        raise SystemExit(work_on_trials(Study.open(folder), name, starter, slot))


def sweep_probe(config: Annotated[Path, typer.Argument(help="A resolved config.")]) -> None:
    """Print what only the data and the devices of a config can tell."""
    from vael.config.yaml import read_settings
    from vael.sweep.spec.facts import find_facts

    try:
        print(json.dumps(asdict(find_facts(read_settings(config)))))
    except VaelError as error:
        raise ConfigError(str(error)) from error


def make_fork_server(command: Callable[[], None]) -> Callable[[int], None]:
    """Make the verb of the fork server, whose children run this command."""

    def fork_server(
        descriptor: Annotated[
            int, typer.Argument(help="Of a socket to the process that starts it.")
        ],
    ) -> None:
        """Fork the processes of a sweep on this machine."""
        from vael.sweep.workers.forkserver import serve_forks

        serve_forks(descriptor, command)

    return fork_server
