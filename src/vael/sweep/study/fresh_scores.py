"""Fresh scores: what the best configuration is worth on seeds that the search has not seen."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vael.runs.summary import finite_number, read_summary
from vael.sweep.study.confirmation import read_confirmations
from vael.sweep.study.ranking import rank_trials
from vael.sweep.study.reader import StudyReader
from vael.sweep.study.table import TrialRow
from vael.text import count_text


@dataclass(frozen=True)
class FreshScores:
    """Scores of the best configuration on fresh seeds.

    Attributes:
        trial: its number.
        searched: its score in the search.
        scores: name -> the values of the runs on fresh seeds.
        failed: runs that did not finish.
    """

    trial: int
    searched: float
    scores: dict[str, list[float]]
    failed: int

    def text(self, target: str) -> str:
        """Put the mean and standard deviation of each beside the search score, in one line."""
        parts = [f"{target} {self.searched:.4f} in the search (trial {self.trial})"]
        for name, values in self.scores.items():
            spread = f" +- {statistics.stdev(values):.4f}" if len(values) > 1 else ""
            seeds = count_text(len(values), "fresh seed")
            parts.append(f"{name} {statistics.fmean(values):.4f}{spread} on {seeds}")
        if self.failed:
            parts.append(f"{self.failed} of these runs failed")
        return ", ".join(parts)


def score_best(study: StudyReader, table: Sequence[TrialRow]) -> FreshScores | None:
    """Score the best by its runs on fresh seeds; None where there are none that have ended."""
    d = study.definition
    order = rank_trials(table, d.directions[0]) if len(d.targets) == 1 else []
    if not order:
        return None
    ended = [
        c for c in read_confirmations(study.folder) if c.trial == order[0].number and c.outcome
    ]
    score = d.targets[0].partition("/")[2]
    scores: dict[str, list[float]] = {}
    for c in ended:
        if c.outcome is None or c.outcome.kind != "complete":
            continue  # its summary has the scores of what it reached before it failed
        metrics: dict[str, Any] = (read_summary(c.folder) or {}).get("metrics") or {}
        for name in (f"val/{score}", f"test/{score}"):
            value = finite_number(metrics.get(name))
            if value is not None:
                scores.setdefault(name, []).append(value)
    failed = sum(c.outcome is not None and c.outcome.kind == "failed" for c in ended)
    return FreshScores(order[0].number, order[0].values[0], scores, failed) if ended else None
