"""Facts: what came out of a sweep, in rows of words."""

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from vael.metrics.catalog import describe_metric
from vael.sweep.report.contents import ConfirmationRow, SweepContents
from vael.sweep.study.ranking import counts_text, find_best, select_scored
from vael.sweep.study.table import TrialRow
from vael.sweep.text import params_text
from vael.text import count_text, duration_text


@dataclass(frozen=True)
class Fact:
    """One row of the page's first table."""

    name: str
    value: str
    unit: str
    meaning: str


def list_facts(sweep: SweepContents) -> list[Fact]:
    """List what matters about the sweep, the best score first."""
    found = find_best(sweep.table, sweep.goal.directions)
    several = len(sweep.goal.targets) > 1
    made = (_front(sweep, found) if several else _best(sweep, found[0])) if found else []
    return [*made, *_confirmed(sweep), *_counts(sweep), *_time(sweep)]


def _score(target: str, name: str, value: str, meaning: str) -> Fact:
    return Fact(name, value, describe_metric(target).unit, meaning)


def _best(sweep: SweepContents, row: TrialRow) -> list[Fact]:
    goal, trained = sweep.goal, sweep.trained[row.number]
    k, told = trained.samples, trained.condition
    target, direction = goal.targets[0], goal.directions[0]
    lowest = "lowest" if direction == "minimize" else "highest"
    among = len(select_scored(sweep.table))
    meaning = f"The {lowest} of {among} complete trials" if among > 1 else "The only complete one"
    samples = f", with k = {k} importance samples" if k and describe_metric(target).sampled else ""
    given = f", given {told}" if told else ""
    about = f"{meaning}{samples}{given}."
    return [
        _score(target, f"Best {target}", score_text(row.values[0]), about),
        Fact("Best configuration", f"trial {row.number}", "", params_text(row.params)),
    ]


def _front(sweep: SweepContents, found: Sequence[TrialRow]) -> list[Fact]:
    goal = sweep.goal
    meaning = (
        f"Of {len(select_scored(sweep.table))} complete trials, those that no other beats in "
        f"{' and '.join(goal.targets)} at once."
    )
    made = [Fact("Pareto front", str(len(found)), "trials", meaning)]
    for i, target in enumerate(goal.targets):
        pick = min if goal.directions[i] == "minimize" else max
        row = pick(found, key=lambda r: r.values[i])
        texts = dict(zip(goal.targets, map(score_text, row.values), strict=True))
        others = ", ".join(f"{name} {text}" for name, text in texts.items() if name != target)
        meaning = f"With {others}: trial {row.number}. {params_text(row.params)}"
        made.append(_score(target, f"Best {target}", texts[target], meaning))
    return made


def _confirmed(sweep: SweepContents) -> list[Fact]:
    """Compare the best configuration on fresh seeds with what the search believed."""
    winners = find_best(sweep.table, sweep.goal.directions)
    own = [c for c in sweep.confirmations if winners and c.trial == winners[0].number]
    done = [c for c in own if c.status == "finished"]
    made = []
    target, direction = sweep.goal.targets[0], sweep.goal.directions[0]
    values = [c.metrics[target] for c in done if target in c.metrics]
    if values and len(winners) == 1:
        made += [
            _score(target, f"{target} on fresh seeds", spread_text(values), _seeds(done)),
            _curse(winners[0].values[0], values, target, direction == "minimize"),
        ]
    test = f"test/{target.split('/', 1)[-1]}"
    tests = [c.metrics[test] for c in done if test in c.metrics]
    if tests:
        k = next((c.samples.get("test") for c in done if c.samples.get("test")), None)
        samples = f", k = {k}" if k and describe_metric(test).sampled else ""
        meaning = (
            f"The same runs on the test data{samples}, which the search has not seen: the number "
            "to report."
        )
        made.append(_score(test, f"{test} on fresh seeds", spread_text(tests), meaning))
    others = Counter(c.status for c in sweep.confirmations if c.status != "finished")
    if others:
        text = ", ".join(f"{n} {status}" for status, n in others.items())
        reasons = [c.reason for c in sweep.confirmations if c.status == "failed" and c.reason]
        meaning = f"{text}. {reasons[0] if reasons else ''}".strip()
        made.append(Fact("Runs on fresh seeds", str(others.total()), "not finished", meaning))
    return made


def _seeds(done: Sequence[ConfirmationRow]) -> str:
    seeds = ", ".join(str(c.seed) for c in done if c.seed is not None)
    the, s = ("The", "") if len(done) == 1 else ("Mean \u00b1 standard deviation of the", "s")
    return f"{the} best configuration trained again with the seed{s} {seeds}."


def _curse(found: float, values: Sequence[float], target: str, smaller: bool) -> Fact:
    """Tell how much worse fresh seeds are than the score that won the search."""
    worse = (statistics.mean(values) - found) * (1 if smaller else -1)
    meaning = (
        "The search's best is worse by this on fresh seeds. A search picks the luckiest trial, "
        "so its own score flatters: expect the fresh seeds' mean."
        if worse > 0
        else "The search's best is not worse on fresh seeds: here its score does not flatter. "
        "Still report the fresh seeds' mean."
    )
    if len(values) > 1 and abs(worse) < statistics.stdev(values):
        meaning += " The difference is within the spread of the seeds."
    return _score(target, "Winner's curse", score_text(worse, found), meaning)


def spread_text(values: Sequence[float]) -> str:
    """Format mean ± standard deviation."""
    mean = statistics.mean(values)
    if len(values) < 2:
        return score_text(mean)
    return f"{score_text(mean)} \u00b1 {score_text(statistics.stdev(values), mean)}"


def score_text(value: float, scale: float | None = None) -> str:
    """Format four digits behind the point, two from 100 on; scale decides if it is given."""
    digits = 4 if abs(value if scale is None else scale) < 100 else 2
    return f"{value:,.{digits}f}".replace("-", "\u2212")


def _counts(sweep: SweepContents) -> list[Fact]:
    done = sum(row.finished for row in sweep.table)
    budget = sweep.goal.trials
    by_state = Counter(row.state for row in sweep.table)
    text = counts_text(sweep.goal, sweep.table)
    inner = text[text.index("(") + 1 : -1] if "(" in text else "None has finished yet"
    more = [f"{by_state[state]} {state}" for state in ("running", "waiting") if by_state[state]]
    value = str(done) if budget is None or budget == done else f"{done} of {budget}"
    sentences = [", ".join([inner, *more]) + ".", sweep.end or ""]
    return [Fact("Finished trials", value, "", " ".join(sentences).strip())]


def _time(sweep: SweepContents) -> list[Fact]:
    training = sum(row.seconds or 0.0 for row in sweep.table)
    if not training:
        return []
    starts = [row.started for row in sweep.table if row.started]
    ends = [row.ended for row in sweep.table if row.ended]
    epochs = sum(row.epochs or 0 for row in sweep.table)
    meaning = f"Of training in all trials, {count_text(epochs, 'epoch')}"
    if starts and ends:
        wall = datetime.fromisoformat(max(ends)) - datetime.fromisoformat(min(starts))
        meaning += f"; {duration_text(wall.total_seconds())} from the first start to the last end"
    return [Fact("Time", duration_text(training), "", meaning + ".")]
