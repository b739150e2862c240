"""Engines of ``vael sweep``: what each checks before anything is made, and how it then works."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from vael.text import count_text, word_command

if TYPE_CHECKING:
    from vael.sweep.plan import Plan
    from vael.sweep.spec.definition import Definition
    from vael.sweep.study.study import Study
    from vael.sweep.study.table import TrialRow
    from vael.sweep.workers.starter import Starter

    Work = Callable[[Plan, Starter], int]  # to the exit code


def check_local(d: "Definition", per_device: int) -> "Work":
    """Return the way to work on this machine."""
    import_module("vael.sweep.report.page")  # while the fork server imports: the end waits for it
    return _work_here


def check_slurm(d: "Definition", per_device: int) -> "Work":
    """Check that SLURM can be asked, and return the way to work there.

    Raises:
        ConfigError: it cannot.
    """
    from vael.sweep.engines import slurm

    slurm.check_cluster(d)
    return partial(_work_on_slurm, per_device)


def check_ray(d: "Definition", per_device: int) -> "Work":
    """Connect to Ray's cluster, compare its nodes, and return the way to work there.

    Raises:
        ConfigError: it cannot be reached, or its nodes cannot do it.
    """
    from vael.sweep.engines.ray_cluster import connect_cluster

    ray, share = connect_cluster(d, per_device)

    def work(plan: "Plan", starter: "Starter") -> int:
        from vael.sweep.display import make_display
        from vael.sweep.engines.ray_tasks import RayTasks
        from vael.sweep.study.study import Study

        starter.close()
        study = Study.open(plan.folder)
        workers = count_text(plan.workers, "worker")
        print(f"starting {workers} of {share} on Ray: {plan.folder}", flush=True)
        study.stop_retrying = lambda: True  # who looks on can look again later
        code = RayTasks(ray, study, share, make_display(study.goal)).run(plan.workers)
        ray.shutdown()
        return _conclude(study, code)

    return work


ENGINES: Mapping[str, Callable[["Definition", int], "Work"]] = {
    "local": check_local,
    "slurm": check_slurm,
    "ray": check_ray,
}


def _work_here(plan: "Plan", starter: "Starter") -> int:
    from vael.sweep.display import make_display
    from vael.sweep.engines.local import Local
    from vael.sweep.study.study import Study

    study = Study.open(plan.folder)
    print(f"starting {count_text(len(plan.slots), 'worker')}: {plan.folder}", flush=True)
    study.stop_retrying = lambda: True  # who looks on can look again later
    code = Local(plan.folder, plan.slots, make_display(study.goal), study.rows, starter).run()
    return _conclude(study, code)


def _conclude(study: "Study", code: int) -> int:
    from vael.sweep.display import stopped_text

    if code == 0:
        study.stop_retrying = lambda: False
    if code in (0, 130, 143):  # else there may be no room for a result, or no storage to ask
        conclude(study)
    if code in (130, 143):
        print(stopped_text(study.goal, study.rows()))
    return code


def _work_on_slurm(per_task: int, plan: "Plan", starter: "Starter") -> int:
    from vael.sweep.engines import slurm
    from vael.sweep.study.study import Study

    starter.close()
    job = slurm.submit_workers(plan, per_task)
    workers = count_text(plan.workers, "worker")
    print(f"job {job}: {workers}; scancel {job} ends it, Ctrl-C only looks away")
    study = Study.open(plan.folder)
    try:
        done = slurm.follow_job(study, job)
    except KeyboardInterrupt:
        look = word_command("vael", "sweep", "status", plan.folder)
        print(f"job {job} goes on; {look} shows how it stands")
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
    results.write_results(study)
    end = study.describe_end()
    if end:
        print(end)
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
