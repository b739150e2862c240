"""``vael sweep``: search, and see how a search stands."""

import os
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from vael.cli.completion import complete_sweep
from vael.cli.sweep_engines import ENGINES
from vael.errors import ConfigError

if TYPE_CHECKING:
    from vael.sweep.study.study import Study


class _SearchByDefault(TyperGroup):
    """``vael sweep FILE`` is ``vael sweep run FILE``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert ``run`` where no subcommand is given."""
        first = args[:1]
        own = first in (["run"], ["status"], ["-h"], ["--help"]) or not first
        return super().parse_args(ctx, args if own else ["run", *args])

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Complete the name of a search, too."""
        searching: Any = self.get_command(ctx, "run")
        found = searching.params[0].shell_complete(ctx, incomplete)
        return [*super().shell_complete(ctx, incomplete), *found]


app = typer.Typer(
    cls=_SearchByDefault,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Search over the settings of runs: vael sweep FILE is vael sweep run FILE.\n\n"
    "FILE is a YAML, or the name of a search in ./sweeps or of those that vael brings along.",
)
Search = Annotated[
    Path, typer.Argument(metavar="FILE", help="A YAML, or a name.", autocompletion=complete_sweep)
]


@app.command(short_help="Search, or go on with a search.")
def run(
    file: Search,
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Settings of all trials: data=mnist ...")
    ] = None,
    trials: Annotated[int | None, typer.Option(help="The budget.")] = None,
    workers: Annotated[int | None, typer.Option(help="Default: one for each device.")] = None,
    devices_per_trial: Annotated[
        int | None, typer.Option(help="GPUs, or CPU processes, of each trial.")
    ] = None,
    workers_per_device: Annotated[int, typer.Option(help="Small trials may share a GPU.")] = 1,
    storage: Annotated[
        str | None,
        typer.Option(help="journal, sqlite:///FILE, postgresql+psycopg://... (or VAEL_STORAGE)"),
    ] = None,
    engine: Annotated[str, typer.Option(help="local, slurm or ray.")] = "local",
    prune: Annotated[
        bool | None, typer.Option("--prune/--no-prune", help="Stop hopeless trials early.")
    ] = None,
    confirm: Annotated[
        int | None, typer.Option(help="Runs of the best on fresh seeds; 0: none.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the study and its folder.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Go on although the space or the code has changed.")
    ] = False,
) -> None:
    """Search what FILE says, or go on with it until its budget is used up.

    vael sweep status FILE|DIR shows how it stands.
    """
    check_engine = ENGINES.get(engine)
    if check_engine is None:
        raise ConfigError(f"--engine must be local, slurm or ray, but got {engine!r}.")
    if engine != "local" and workers is None:
        raise ConfigError(f"--engine {engine} needs --workers: how many trials at once?")
    for option, value in (("--workers", workers), ("--workers-per-device", workers_per_device)):
        if value is not None and value < 1:
            raise ConfigError(f"{option} must be at least 1, but got {value}.")
    changes = {
        "trials": trials,
        "devices": devices_per_trial,
        "storage": storage,
        "confirm": confirm,
        "name": name,
    }
    from vael.sweep.workers.forks import make_starter

    with closing(make_starter()) as starter:  # first: it imports for seconds, while we plan
        from vael.sweep import plan as plans
        from vael.sweep.study import storage as storages
        from vael.sweep.workers.probe import probe_config

        d = plans.define_sweep(file, changes, prune, overrides or ())
        per_device = workers_per_device
        work = check_engine(d, per_device)
        probe = partial(probe_config, starter=starter)
        plan = plans.prepare_sweep(d, force, workers, per_device, engine, probe)
        for note in plan.notes:
            print(f"vael: {note}")
        if plan.url != storages.JOURNAL:
            os.environ[storages.ENVIRONMENT] = plan.url
        raise SystemExit(work(plan, starter))


@app.command(short_help="Show how a search stands.")
def status(
    sweep: Annotated[
        Path,
        typer.Argument(help="A search's file, name or folder.", autocompletion=complete_sweep),
    ],
) -> None:
    """Show how many trials are done, the best, and who works on what."""
    from vael.sweep import plan as plans
    from vael.sweep.study.study import Study

    folder = sweep if sweep.is_dir() else plans.find_started(sweep)
    study = Study.open(folder)
    print("\n".join(_standing(study)))


def _standing(study: "Study") -> Sequence[str]:
    from vael.sweep.display import best_text
    from vael.sweep.study import lease
    from vael.sweep.study.ranking import counts_text
    from vael.sweep.workers.status import read_worker_states

    table = study.rows()
    lines = [
        f"{study.definition.name}: {counts_text(study.goal, table)}",
        best_text(study.goal, table),
    ]
    end = study.describe_end()
    if end:
        lines.append(end)
    waiting = sum(row.state == "waiting" for row in table)
    if waiting:
        lines.append(f"{waiting} waiting")
    states = {(s.kind, s.number): s for s in read_worker_states(study.folder)}
    for row in table:
        if row.state != "running":
            continue
        held, seconds = lease.find_holder(row.folder), lease.find_age(row.folder)
        state = states.get(("trial", row.number))
        epoch = f", epoch {state.epoch}/{state.of}" if state and state.epoch else ""
        stale = lease.is_stale(row.folder, study.definition.lease, study.watch)
        who = f"on {held.worker}" if held else "nobody's"
        age = "" if seconds is None else f", last heard of {max(0, seconds):.0f} s ago"
        gone = ", its worker is gone: the next vael sweep goes on with it" if stale else ""
        lines.append(f"trial {row.number} {who}{epoch}{age}{gone}")
    return lines
