"""Confirmation: the best configurations once more, on seeds that the search has not seen.

The best of many trials is partly luck: its search score is too good (the winner's curse). Runs on
fresh seeds, with the test data, tell what it is worth, and those of the best of each choice which
choice is better (`vael.sweep.study.verdict`). What each of them is stands in its folder
``confirm/NNNN``: ``confirms.json`` (which trial, which seed), ``outcome.json`` once it has ended.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from vael.config.yaml import read_settings
from vael.files import write_json
from vael.runs.folder import RunFolder
from vael.sweep.spec import trial_config
from vael.sweep.spec.domain import Choice
from vael.sweep.spec.verdict import count_seeds, select_verdicts
from vael.sweep.study import lease
from vael.sweep.study.ranking import rank_found, rank_trials
from vael.sweep.study.reader import StudyReader
from vael.sweep.study.records import Claim, Outcome, Wait, count_attempt, count_loss
from vael.sweep.study.table import TrialRow

CONFIRMS = "confirms.json"


@dataclass(frozen=True)
class Confirmation:
    """One run of a configuration on a fresh seed.

    Attributes:
        trial: whose configuration it has.
        outcome: how it ended; None while it has not.
    """

    number: int
    folder: Path
    trial: int
    seed: int
    outcome: Outcome | None


def read_confirmations(folder: Path) -> list[Confirmation]:
    """Read the confirmations of a sweep, by number."""
    found = []
    for path in sorted((folder / "confirm").glob(f"[0-9]*/{CONFIRMS}")):
        plain = json.loads(path.read_text())
        told = path.with_name("outcome.json")
        outcome = Outcome(**json.loads(told.read_text())) if told.exists() else None
        run, trial, seed = path.parent, plain["trial"], plain["seed"]
        found.append(Confirmation(int(run.name), run, trial, seed, outcome))
    return found


def group_by_choice(
    table: Sequence[TrialRow], path: str, domain: Choice
) -> dict[str, list[TrialRow]]:
    """Return the trials of each choice of a parameter, by the text of the choice."""
    found: dict[str, list[TrialRow]] = {text: [] for text in domain.texts}
    for row in table:
        if path in row.params and domain.holds(row.params[path]):
            found[domain.text(row.params[path])].append(row)
    return found


def plan_confirmations(
    study: StudyReader, table: Sequence[TrialRow]
) -> list[tuple[TrialRow, int]]:
    """Plan which trials are run again on which fresh seeds: all on the first seed, then the next.

    These are the best trial and, for a verdict, the best of each choice. A trial that was pruned
    because of other choices' trials may be the best of its own.
    """
    d = study.definition
    order = rank_trials(table, d.directions[0]) if len(d.targets) == 1 else []
    if not order or d.confirm == 0:
        return []
    winners, verdicts = {order[0].number: order[0]}, select_verdicts(d, study.space)
    for p in verdicts:
        assert isinstance(p.domain, Choice)
        found = group_by_choice(rank_found(table, d.directions[0]), p.path, p.domain)
        groups = [rows for rows in found.values() if rows]
        if len(groups) > 1:
            winners |= {rows[0].number: rows[0] for rows in groups}
    whole = [row for row in winners.values() if row.state == "complete"]
    known = [row.seconds for row in whole if row.seconds is not None]
    number = count_seeds(d, verdicts, max(known, default=None))
    first = _first_fresh_seed(study, order[0])
    return [(row, first + i) for i in range(number) for row in winners.values()]


def _first_fresh_seed(study: StudyReader, best: TrialRow) -> int:
    """Return the seed above all that the search has, or may have."""
    domain = next((p.domain for p in study.space.parameters if p.path == "seed"), None)
    if domain is None:
        return int(read_settings(RunFolder(best.folder).config).seed) + 1
    if isinstance(domain, Choice):
        return max(value for value in domain.values if isinstance(value, int)) + 1
    return int(domain.high) + 1


def claim_confirmation(
    study: StudyReader, table: Sequence[TrialRow], watch: lease.Watch, worker: str, now: float
) -> Claim | Wait | None:
    """Claim the next confirmation to run, under the sweep's lock and after the last trial.

    Args:
        study: whose best configurations they are.
        table: of all trials.
        watch: over the leases of others.
        worker: its name, for the lease.
        now: by the clock of the file system.
    """
    d, planned = study.definition, plan_confirmations(study, table)
    _put_aside(study, {row.number for row, _ in planned}, watch, now)
    begun = {(c.trial, c.seed): c for c in read_confirmations(study.folder)}
    held = False
    for row, seed in planned:
        c = begun.get((row.number, seed))
        if c is None:
            return _new(study, row, seed, worker)
        if c.outcome is not None:
            continue
        if not lease.is_stale(c.folder, d.lease, watch, now):
            held = True
            continue
        before = lease.find_holder(c.folder)
        if not before or _lost(c.folder, f"worker {before.worker} is gone", d.retries):
            return _begin(c.folder, c.number, worker)
    return Wait() if held else None


def _new(study: StudyReader, winner: TrialRow, seed: int, worker: str) -> Claim:
    d = study.definition
    number = _unused(study.folder)
    run = study.folder / "confirm" / f"{number:04d}"
    run.mkdir(parents=True, exist_ok=True)
    overrides = study.space.overrides(winner.params)
    config = trial_config.compose_confirmation(d, overrides, number, study.snapshot.threads, seed)
    trial_config.write_trial_config(run, config)
    write_json(run / CONFIRMS, {"trial": winner.number, "seed": seed})
    return _begin(run, number, worker)


def _put_aside(study: StudyReader, winners: set[int], watch: lease.Watch, now: float) -> None:
    """Put aside what confirmed earlier bests, before the budget was raised; what runs stays."""
    for c in read_confirmations(study.folder):
        stale = lease.is_stale(c.folder, study.definition.lease, watch, now)
        if winners and c.trial not in winners and stale:
            c.folder.rename(c.folder.with_name(f"trial-{c.trial}-{c.folder.name}"))


def _unused(folder: Path) -> int:
    """Return the first number that no confirmation has had, those put aside included."""
    made = (folder / "confirm").glob(f"*/{CONFIRMS}")
    return max((int(path.parent.name.rpartition("-")[2]) for path in made), default=-1) + 1


def _begin(run: Path, number: int, worker: str) -> Claim:
    attempt = count_attempt(run)
    lease.take_lease(run, worker, attempt)
    return Claim("confirmation", number, run, attempt)


def finish_confirmation(claim: Claim, outcome: Outcome, retries: int) -> None:
    """Write how a confirmation ended; a lost or stopped one waits for anybody."""
    if outcome.kind == "lost":
        _lost(claim.folder, outcome.reason or "its process died", retries)
    elif outcome.kind != "stopped":
        write_json(claim.folder / "outcome.json", asdict(outcome))
    lease.free_lease(claim.folder)


def _lost(run: Path, reason: str, retries: int) -> bool:
    lease.free_lease(run)
    failed = count_loss(run, reason, retries)
    if failed:
        write_json(run / "outcome.json", asdict(Outcome("failed", failed)))
    return failed is None
