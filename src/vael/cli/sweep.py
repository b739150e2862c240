"""``vael sweep``: search, and see how a search stands."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from vael.cli.completion import complete_sweep
from vael.errors import ConfigError

if TYPE_CHECKING:
    from vael.sweep.plan import Plan
    from vael.sweep.study.study import Study
    from vael.sweep.study.table import TrialRow

ENGINES = ("local", "slurm")


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
    engine: Annotated[str, typer.Option(help="local or slurm.")] = "local",
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
    from vael.sweep import plan as plans
    from vael.sweep.study import storage as storages

    if engine not in ENGINES:
        raise ConfigError(f"--engine must be local or slurm, but got {engine!r}.")
    if engine == "slurm" and workers is None:
        raise ConfigError("--engine slurm needs --workers: how many trials at once?")
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
    d = plans.define_sweep(file, changes, prune, overrides or ())
    if engine == "slurm":
        from vael.sweep.engines import slurm

        slurm.check_cluster(d)
    plan = plans.prepare_sweep(d, force, workers, workers_per_device, engine == "local")
    for note in plan.notes:
        print(f"vael: {note}")
    if plan.url != storages.JOURNAL:
        os.environ[storages.ENVIRONMENT] = plan.url
    raise SystemExit(_submit(plan, workers_per_device) if engine == "slurm" else _work(plan))


def _work(plan: "Plan") -> int:
    from vael.sweep.display import make_display, stopped_text
    from vael.sweep.engines.local import Local
    from vael.sweep.study.study import Study

    study = Study.open(plan.folder)
    s = "s" if len(plan.slots) > 1 else ""
    print(f"starting {len(plan.slots)} worker{s}: {plan.folder}", flush=True)
    study.stop_retrying = lambda: True  # who looks on can look again later
    code = Local(plan.folder, plan.slots, make_display(study.goal), study.rows).run()
    if code == 0:
        study.stop_retrying = lambda: False
    if code in (0, 130, 143):  # else there may be no room for a result, or no storage to ask
        conclude(study)
    if code in (130, 143):
        print(stopped_text(study.goal, study.rows()))
    return code


def _submit(plan: "Plan", per_task: int) -> int:
    from vael.sweep.engines import slurm
    from vael.sweep.study.study import Study

    job = slurm.submit_workers(plan, per_task)
    print(f"job {job}: {plan.workers} workers; scancel {job} ends it, Ctrl-C only looks away")
    study = Study.open(plan.folder)
    try:
        done = slurm.follow_job(study, job)
    except KeyboardInterrupt:
        print(f"job {job} goes on; vael sweep status {plan.folder} shows how it stands")
        return 130
    conclude(study)
    if not done:
        print(
            f"vael: all tasks of job {job} have ended before the budget: see {plan.folder}/"
            "slurm/*.log; the same command goes on",
            file=sys.stderr,
        )
    return 0 if done else 1


def conclude(study: "Study") -> None:
    """Write the report and print where the result is and what it is worth."""
    from vael.sweep.report.page import write_sweep_report
    from vael.sweep.study import results
    from vael.sweep.study.fresh_scores import score_best

    d, table = study.definition, study.rows()
    results.write_results(study, table, study.weights)
    exhausted = study.describe_exhausted()
    if exhausted:
        print(exhausted)
    found = score_best(study, table)
    if found is not None:
        print(found.text(d.targets[0]))
    for line in _verdicts(study, table):
        print(line)
    if (study.folder / "best.yaml").exists():
        print(f"train   {results.training_command(study.folder)}")
    print(f"report  {write_sweep_report(study).resolve()}")


def _verdicts(study: "Study", table: "Sequence[TrialRow]") -> list[str]:
    from vael.sweep.study.verdict import reach_verdicts
    from vael.sweep.study.verdict_text import verdict_lines

    lines = []
    for verdict in reach_verdicts(study, table):
        if isinstance(verdict, str):
            lines.append(verdict)
        else:
            lines += [f"{verdict.path}: {line}" for line in verdict_lines(verdict)]
    return lines


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
    exhausted = study.describe_exhausted()
    if exhausted:
        lines.append(exhausted)
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


def sweep_node(
    folder: Annotated[Path, typer.Argument(help="A sweep's folder.")],
    workers: Annotated[int, typer.Option(help="On this task's devices.")] = 1,
) -> None:
    """Work on a sweep with what SLURM has given to this task."""
    from vael.sweep.engines import slurm
    from vael.sweep.study.study import Study

    code = slurm.run_node(folder, workers)
    if not code:
        conclude(Study.open(folder))
    raise SystemExit(code)


def sweep_worker(
    folder: Annotated[Path, typer.Argument(help="A sweep's folder.")],
    name: Annotated[str, typer.Option(help="Of this worker.")],
    devices: Annotated[str | None, typer.Option(help="CUDA_VISIBLE_DEVICES.")] = None,
    num_devices: Annotated[int, typer.Option(help="Of each trial.")] = 1,
    threads: Annotated[int, typer.Option(help="CPU threads of each process.")] = 1,
) -> None:
    """Work on the trials of a sweep that vael sweep has made."""
    from vael.sweep.study.records import Slot
    from vael.sweep.study.study import Study
    from vael.sweep.workers.forkserver import ForkServer
    from vael.sweep.workers.process import ProcessStarter
    from vael.sweep.workers.worker import work_on_trials

    forks = num_devices == 1 and sys.platform == "linux"
    starter = ForkServer() if forks else ProcessStarter()
    slot = Slot(devices, num_devices, threads)
    raise SystemExit(work_on_trials(Study.open(folder), name, starter, slot))
