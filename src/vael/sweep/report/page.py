"""The page of a sweep, from its table of trials and their folders."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vael.files import write_text
from vael.report.contents import InlinePicture, read_run
from vael.report.page import open_template
from vael.sweep.report.contents import SweepContents, read_sweep
from vael.sweep.report.facts import list_facts
from vael.sweep.report.figure import Figure
from vael.sweep.report.front import plot_fronts
from vael.sweep.report.history import plot_importance, plot_search
from vael.sweep.report.importance import compute_importances
from vael.sweep.report.parallel import plot_parallel
from vael.sweep.report.plane import name_alone, plot_maps, plot_planes
from vael.sweep.report.searched import list_searched
from vael.sweep.report.slices import plot_activity, plot_slices
from vael.sweep.report.tables import choose_pictured, group_endings, list_best, rank_leading
from vael.sweep.report.verdict import list_sentences, plot_verdicts
from vael.sweep.study.reader import StudyReader
from vael.sweep.study.results import training_command
from vael.sweep.study.table import TrialRow
from vael.sweep.study.verdict import reach_verdicts
from vael.sweep.text import params_text

PAGE = "report.html"  # in the sweep's folder
FOLLOWING = 3  # trials that are foreseen
PICTURES = ("Reconstructions", "Samples")


@dataclass(frozen=True)
class Gallery:
    """The pictures of one trial."""

    title: str
    params: str
    pictures: Sequence[InlinePicture]


@dataclass(frozen=True)
class PlotSection:
    """Plots under a heading.

    Attributes:
        sentences: before them, such as those for plots that cannot be drawn.
    """

    title: str
    figures: Sequence[Figure]
    sentences: Sequence[str]


def render_sweep(sweep: SweepContents) -> str:
    """Render the page as HTML; it opens without network, as a run's report does.

    What is missing in the run folders is left out, so an unfinished sweep has a page too.
    """
    verdict = PlotSection("Verdict", plot_verdicts(sweep.verdicts), list_sentences(sweep.verdicts))
    sections = _sections(sweep)
    figures = [figure for section in (verdict, *sections) for figure in section.figures]
    first = rank_leading(sweep)[:1]
    space, search = list_searched(sweep.folder)
    return open_template("sweep.html", Path(__file__).parent / "templates").render(
        title=sweep.goal.name,
        goal=sweep.goal,
        about=_about(sweep),
        facts=list_facts(sweep),
        lines=list_best(sweep),
        best=first[0].number if first else None,
        again=_again(sweep, first[0]) if first else [],
        verdict=verdict,
        following=[params_text(params) for params in sweep.following],
        space=space,
        search=search,
        sections=sections,
        plots=[figure.plot for figure in figures],
        endings=group_endings(sweep.table),
        galleries=_galleries(sweep),
    )


def _about(sweep: SweepContents) -> list[tuple[str, str]]:
    goal = sweep.goal
    pairs = [
        ("target", f"{target} ({'lower' if direction == 'minimize' else 'higher'} is better)")
        for target, direction in zip(goal.targets, goal.directions, strict=True)
    ]
    done = sum(row.finished for row in sweep.table)
    return [*pairs, ("trials", f"{done}" if goal.trials is None else f"{done} of {goal.trials}")]


def _sections(sweep: SweepContents) -> list[PlotSection]:
    goal, table, shares = sweep.goal, sweep.table, sweep.importances
    histories = [plot_search(goal, table, index) for index in range(len(goal.targets))]
    weighed = [] if isinstance(shares, str) else [plot_importance(goal, shares)]
    return [
        _section(
            "The search",
            (histories, "The history needs at least two complete trials."),
            (plot_fronts(goal, table), None),
            (weighed, f"Importance of the parameters: {shares}"),
        ),
        _section(
            "Parameters",
            (
                [plot_parallel(goal, table)],
                "Parallel coordinates need at least two complete trials that differ.",
            ),
            (
                plot_maps(sweep),
                "A map of beta and latent size needs at least two complete trials that differ in "
                "both.",
            ),
            (plot_activity(sweep), None),
            (plot_slices(sweep), None),
        ),
        _section(
            "Rate and distortion",
            (
                plot_planes(sweep),
                "The rate-distortion plane needs at least two complete trials that can be "
                "compared.",
            ),
            ([], name_alone(sweep)),
        ),
    ]


def _section(title: str, *parts: tuple[Sequence[Figure | None], str | None]) -> PlotSection:
    """Put together figures, and of each part that has none a sentence in their place."""
    figures = [figure for drawn, _ in parts for figure in drawn if figure]
    missing = [sentence for drawn, sentence in parts if sentence and not any(drawn)]
    return PlotSection(title, figures, missing)


def _again(sweep: SweepContents, row: TrialRow) -> list[tuple[str, str]]:
    """List commands, each with what it does."""
    made = []
    if (sweep.folder / "best.yaml").is_file():
        does = "The best configuration as a run of its own, with test scores and report:"
        made.append((does, training_command(sweep.folder)))
    command = sweep.trained[row.number].command
    if command:
        same = "the same machine and devices give the same numbers"
        made.append((f"Trial {row.number} as the search ran it; {same}:", command))
    return made


def _galleries(sweep: SweepContents) -> list[Gallery]:
    made = []
    for row in choose_pictured(sweep):
        shown = [p for p in read_run(row.folder).pictures if p.name in PICTURES]
        values = ", ".join(
            f"{target} {value:.4f}"
            for target, value in zip(sweep.goal.targets, row.values, strict=True)
        )
        if shown:
            made.append(Gallery(f"Trial {row.number}: {values}", params_text(row.params), shown))
    return made


def render_study(study: StudyReader) -> str:
    """Render the page of a study as it stands.

    Raises:
        StorageAway: the storage cannot be reached for long.
    """
    table = study.rows()
    shares = compute_importances(study.trials(), table, study.definition.directions)
    verdicts, end = reach_verdicts(study, table), study.describe_end()
    following = study.preview(FOLLOWING)
    return render_sweep(
        read_sweep(study.folder, study.goal, table, shares, verdicts, end, following)
    )


def write_sweep_report(study: StudyReader) -> Path:
    """Write ``report.html`` into the sweep's folder.

    Raises:
        StorageAway: the storage cannot be reached for long.
    """
    target = study.folder / PAGE
    write_text(target, render_study(study))
    return target
