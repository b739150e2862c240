"""``vael report``: the page of a run, of a sweep, or of two runs."""

from pathlib import Path
from typing import Annotated

import typer

from vael.cli.arguments import resolve_runs
from vael.cli.completion import complete_run
from vael.errors import VaelError
from vael.runs.folder import RunFolder


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="A run's or a search's folder, or two runs'; latest is the newest run.",
            callback=resolve_runs,
            autocompletion=complete_run,
        ),
    ],
    output: Annotated[
        Path | None, typer.Option(help="Of two runs; by default RUN_A/report_vs_<NAME_B>.html.")
    ] = None,
) -> None:
    """Write RUN/report.html anew from what is in the folder, or a page about two runs."""
    from vael.report.page import write_report

    if len(runs) > 2:
        raise VaelError(
            f"a report is about one run or two, got {len(runs)}: vael compare "
            "prints the scores of more."
        )
    if len(runs) == 2:
        from vael.report.comparison.page import write_comparison

        print(write_comparison(runs[0], runs[1], output).resolve())
        return
    (run,) = runs
    if output is not None:
        raise VaelError("--output is for two runs: of one the report is RUN/report.html.")
    if (run / "sweep.yaml").is_file():
        from vael.sweep.report.page import write_sweep_report
        from vael.sweep.study.study import Study

        print(write_sweep_report(Study.open(run)).resolve())
        return
    RunFolder(run).require()
    print(write_report(run).resolve())
