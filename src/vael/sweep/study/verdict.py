"""Verdict: which choice of a parameter is better, by how much, and how sure that is.

The best trial of each choice was trained again on the same fresh seeds and scored on the same
test examples (`vael.sweep.study.confirmation`); `vael.sweep.study.paired` has the interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vael.errors import VaelError
from vael.runs.example_scores import read_example_scores
from vael.sweep.spec.domain import Choice
from vael.sweep.spec.space import Parameter
from vael.sweep.spec.verdict import select_verdicts
from vael.sweep.study.confirmation import (
    Confirmation,
    group_by_choice,
    plan_confirmations,
    read_confirmations,
)
from vael.sweep.study.paired import PairedDifference, Table, compute_differences
from vael.sweep.study.ranking import rank_found
from vael.sweep.study.reader import StudyReader
from vael.sweep.study.table import TrialRow
from vael.text import count_text


@dataclass(frozen=True)
class Contender:
    """The best trial found with one choice, on fresh seeds.

    Attributes:
        choice: as it is written on the command line.
        trial: the best with it.
        trials: that have ended with it.
        scores: mean of the test examples, for each seed.
    """

    choice: str
    trial: int
    trials: int
    scores: tuple[float, ...]


@dataclass(frozen=True)
class Verdict:
    """Comparison of the choices of one parameter.

    Attributes:
        path: of the parameter.
        score: what is compared, such as ``bpd``.
        lower: whether less of it is better.
        contenders: the best first.
        seeds: that all of them have.
        differences: of contenders i < j: how much better i is, with intervals that hold at once.
        left_out: choices that are not compared, each with the reason.
    """

    path: str
    score: str
    lower: bool
    contenders: tuple[Contender, ...]
    seeds: tuple[int, ...]
    differences: dict[tuple[int, int], PairedDifference]
    left_out: tuple[str, ...]


Verdicts = list[Verdict | str]
"""Verdicts, and sentences that say why there is none."""


def reach_verdicts(study: StudyReader, table: Sequence[TrialRow]) -> Verdicts:
    """Reach the verdicts that the sweep's definition asks for, once their runs have ended."""
    d = study.definition
    verdicts, planned = select_verdicts(d, study.space), plan_confirmations(study, table)
    if not verdicts or not planned:
        return []
    runs = {(c.trial, c.seed): c for c in read_confirmations(study.folder)}
    wanted = [runs.get((row.number, seed)) for row, seed in planned]
    ended = sum(c is not None and c.outcome is not None for c in wanted)
    if ended < len(planned):
        return [f"verdict: so far {ended} of {len(planned)} runs on fresh seeds."]
    seeds = tuple(dict.fromkeys(seed for _, seed in planned))
    found: Verdicts = []
    for p in verdicts:
        try:
            found.append(_reach(study, table, p, runs, seeds))
        except VaelError as error:  # a damaged file
            found.append(f"verdict on {p.path}: {error}")
    return found


def _reach(
    study: StudyReader,
    table: Sequence[TrialRow],
    p: Parameter,
    runs: dict[tuple[int, int], Confirmation],
    seeds: Sequence[int],
) -> Verdict | str:
    assert isinstance(p.domain, Choice)
    ended = group_by_choice([row for row in table if row.finished], p.path, p.domain)
    order = rank_found(table, study.definition.directions[0])
    best = {
        choice: rows[0]
        for choice, rows in group_by_choice(order, p.path, p.domain).items()
        if rows
    }
    left_out = [
        f"{choice}: no score in {count_text(len(rows), 'trial')}"
        for choice, rows in ended.items()
        if choice not in best
    ]
    read = {
        choice: {
            seed: read_example_scores(c.folder)
            for seed in seeds
            if (c := runs.get((row.number, seed))) and c.outcome and c.outcome.kind == "complete"
        }
        for choice, row in best.items()
    }
    score, lower = _choose_score(study, [s for found in read.values() for s in found.values()])
    if score is None:
        return f"verdict on {p.path}: the runs share no score of each test example."
    for choice, found in read.items():
        if len(found) < 2:
            failed = len(seeds) - len(found)
            left_out.append(f"{choice}: {failed} of its {len(seeds)} runs on fresh seeds failed")
    read = {choice: found for choice, found in read.items() if len(found) >= 2}
    common = [seed for seed in seeds if all(seed in found for found in read.values())]
    if len(read) < 2 or len(common) < 2:
        why = "; ".join(left_out) or "its choices share fewer than two seeds"
        return f"verdict on {p.path}: there is nothing to compare: {why}."
    tables = {
        choice: np.stack([found[seed][score].astype(np.float64) for seed in common])
        for choice, found in read.items()
    }
    contenders = {
        choice: Contender(
            choice, best[choice].number, len(ended[choice]), tuple(rows.mean(1).tolist())
        )
        for choice, rows in tables.items()
    }
    return compare_choices(p.path, score, lower, contenders, tables, common, left_out)


def compare_choices(
    path: str,
    score: str,
    lower: bool,
    contenders: dict[str, Contender],
    tables: dict[str, Table],
    seeds: Sequence[int],
    left_out: Sequence[str] = (),
) -> Verdict:
    """Compare contenders by their scores ``(n, N)`` on the same seeds and examples."""
    sign = 1 if lower else -1
    names = sorted(tables, key=lambda name: sign * tables[name].mean())
    differences = compute_differences([sign * tables[name] for name in names])
    ordered = tuple(contenders[name] for name in names)
    return Verdict(path, score, lower, ordered, tuple(seeds), differences, tuple(left_out))


def _choose_score(
    study: StudyReader, found: Sequence[dict[str, "np.ndarray"]]
) -> tuple[str | None, bool]:
    """Choose the target, where each example has it, else bits per dimension."""
    shared = set.intersection(*map(set, found)) if found else set()
    d = study.definition
    target = d.targets[0].partition("/")[2]
    if target in shared:
        return target, d.directions[0] == "minimize"
    return ("bpd", True) if "bpd" in shared else (None, True)
