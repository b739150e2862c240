"""Floor 10: the page of a sweep, from its table of trials and their folders."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vael.report.folder import Shown, read_run
from vael.report.template import template
from vael.sweep.report.figure import Figure
from vael.sweep.report.folder import Sweep
from vael.sweep.report.history import history, importance
from vael.sweep.report.parallel import parallel
from vael.sweep.report.plane import alone, maps, planes
from vael.sweep.report.result import facts
from vael.sweep.report.tables import best_lines, endings, leading, pictured
from vael.sweep.result import command as best_command
from vael.sweep.rows import TrialRow
from vael.sweep.words import params_text

PICTURES = ("Reconstructions", "Samples")


@dataclass(frozen=True)
class Gallery:
    """The pictures of one trial."""

    title: str
    params: str
    pictures: Sequence[Shown]


@dataclass(frozen=True)
class Section:
    """Plots under a heading, and sentences for those that cannot be drawn."""

    title: str
    figures: Sequence[Figure]
    instead: Sequence[str]


def render(sweep: Sweep) -> str:
    """The page as HTML; it opens without network, as a run's report does.

    What is missing in the run folders is left out, so an unfinished sweep has a page too.
    """
    sections = _sections(sweep)
    figures = [figure for section in sections for figure in section.figures]
    first = leading(sweep)[:1]
    return template("sweep.html", Path(__file__).parent).render(
        title=sweep.goal.name,
        goal=sweep.goal,
        about=_about(sweep),
        facts=facts(sweep),
        lines=best_lines(sweep),
        best=first[0].number if first else None,
        again=_again(sweep, first[0]) if first else [],
        sections=sections,
        plots=[figure.plot for figure in figures],
        endings=endings(sweep.table),
        galleries=_galleries(sweep),
    )


def _about(sweep: Sweep) -> list[tuple[str, str]]:
    goal = sweep.goal
    pairs = [
        ("target", f"{target} ({'lower' if direction == 'minimize' else 'higher'} is better)")
        for target, direction in zip(goal.targets, goal.directions, strict=True)
    ]
    done = sum(row.finished for row in sweep.table)
    return [*pairs, ("trials", f"{done}" if goal.trials is None else f"{done} of {goal.trials}")]


def _sections(sweep: Sweep) -> list[Section]:
    goal, table = sweep.goal, sweep.table
    search, missing = [], []
    for index in range(len(goal.targets)):
        drawn = history(goal, table, index)
        if drawn:
            search.append(drawn)
    if not search:
        missing.append("The history needs at least two complete trials.")
    if isinstance(sweep.importances, str):
        missing.append(f"Importance of the parameters: {sweep.importances}")
    else:
        search.append(importance(goal, sweep.importances))
    together = parallel(goal, table)
    beta, plane = maps(sweep), planes(sweep)
    return [
        Section("The search", search, missing),
        Section(
            "Parameters",
            [*([together] if together else []), *beta],
            [
                *(
                    []
                    if together
                    else ["Parallel coordinates need at least two complete trials that differ."]
                ),
                *(
                    []
                    if beta
                    else [
                        "A map of beta and latent size needs at least two complete trials "
                        "that differ in both."
                    ]
                ),
            ],
        ),
        Section(
            "Rate and distortion",
            plane,
            [
                *(
                    []
                    if plane
                    else [
                        "The rate-distortion plane needs at least two complete trials "
                        "that can be compared."
                    ]
                ),
                *filter(None, [alone(sweep)]),
            ],
        ),
    ]


def _again(sweep: Sweep, row: TrialRow) -> list[tuple[str, str]]:
    """Commands, each with what it does."""
    made = []
    if (sweep.folder / "best.yaml").is_file():
        made.append(
            (
                "The best configuration as a run of its own, with test scores and report:",
                best_command(sweep.folder),
            )
        )
    command = sweep.trained[row.number].command
    if command:
        made.append(
            (
                f"Trial {row.number} as the search ran it; the same machine and devices "
                "give the same numbers:",
                command,
            )
        )
    return made


def _galleries(sweep: Sweep) -> list[Gallery]:
    made = []
    for row in pictured(sweep):
        shown = [p for p in read_run(row.folder).pictures if p.name in PICTURES]
        values = ", ".join(
            f"{target} {value:.4f}"
            for target, value in zip(sweep.goal.targets, row.values, strict=True)
        )
        if shown:
            made.append(Gallery(f"Trial {row.number}: {values}", params_text(row.params), shown))
    return made
