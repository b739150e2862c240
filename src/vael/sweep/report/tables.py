"""Tables of a sweep's trials: the best ones, and those that came to nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vael.sweep.report.contents import SweepContents
from vael.sweep.report.facts import score_text
from vael.sweep.study.ranking import find_best, rank_trials
from vael.sweep.study.table import TrialRow
from vael.sweep.text import params_text, printable
from vael.text import duration_text

TOP, MOST_OF_FRONT = 10, 30
REASONS = 20
NUMBERS = 12
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[-+]?\d+)?")


@dataclass(frozen=True)
class RankedTrial:
    """Row of the table of the best trials.

    Attributes:
        folder: of its run, seen from the page.
    """

    number: int
    folder: str
    values: tuple[str, ...]
    params: str
    epochs: str
    time: str


@dataclass(frozen=True)
class Ending:
    """Trials that were pruned or failed for the same reason, up to the numbers in it.

    Attributes:
        reason: a number that differs among them stands as least-largest.
    """

    state: str
    count: int
    reason: str
    trials: str


def rank_leading(sweep: SweepContents) -> list[TrialRow]:
    """Rank the trials; with several targets return those of the Pareto front."""
    goal = sweep.goal
    if len(goal.targets) > 1:
        return find_best(sweep.table, goal.directions)
    return rank_trials(sweep.table, goal.directions[0])


def list_best(sweep: SweepContents) -> list[RankedTrial]:
    """Return the leading trials as rows of text."""
    most = TOP if len(sweep.goal.targets) == 1 else MOST_OF_FRONT
    return [
        RankedTrial(
            row.number,
            f"{row.folder.parent.name}/{row.folder.name}/",
            tuple(map(score_text, row.values)),
            params_text(row.params),
            "" if row.epochs is None else f"{row.epochs:,}",
            "" if row.seconds is None else duration_text(row.seconds),
        )
        for row in rank_leading(sweep)[:most]
    ]


def choose_pictured(sweep: SweepContents, count: int = 3) -> list[TrialRow]:
    """Choose the trials to show: the best, or of a Pareto front its ends and middle."""
    rows = rank_leading(sweep)
    if len(sweep.goal.targets) == 1 or len(rows) <= count:
        return rows[:count]
    return [rows[round(i * (len(rows) - 1) / (count - 1))] for i in range(count)]


def group_endings(table: Sequence[TrialRow]) -> list[Ending]:
    """Group failed and pruned trials by reason, the most frequent first."""
    groups: dict[tuple[str, str], list[TrialRow]] = {}
    for row in table:
        if row.state in ("failed", "pruned"):
            groups.setdefault((row.state, NUMBER.sub("#", _reason(row))), []).append(row)
    ordered = sorted(groups.items(), key=lambda item: (item[0][0], -len(item[1])))
    made = []
    for (state, _), rows in ordered[:REASONS]:
        numbers = ", ".join(str(row.number) for row in rows[:NUMBERS])
        more = f" and {len(rows) - NUMBERS} more" if len(rows) > NUMBERS else ""
        reason = _merged([_reason(row) for row in rows])
        made.append(Ending(state, len(rows), reason, numbers + more))
    return made


def _reason(row: TrialRow) -> str:
    return printable(row.reason or "no reason is recorded")


def _merged(reasons: Sequence[str]) -> str:
    """Merge sentences that differ in their numbers only."""
    columns = zip(*(NUMBER.findall(reason) for reason in reasons), strict=True)
    ranges = (sorted(set(column), key=float) for column in columns)
    texts = iter([r[0] if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in ranges])
    return NUMBER.sub(lambda _: next(texts), reasons[0])
