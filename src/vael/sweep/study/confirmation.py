"""Confirmation: the best configuration once more, on seeds that the search has not seen.

The best of many trials is partly luck: its search score is too good (the winner's curse). Runs on
fresh seeds, with the test data, tell what it is worth. What each of them is stands in its folder
``confirm/NNNN``: ``confirms.json`` (which trial, which seed), ``outcome.json`` once it has ended.
"""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vael.config.yaml import read_settings
from vael.files import write_json
from vael.runs.folder import RunFolder
from vael.runs.summary import finite_number, read_summary
from vael.sweep.spec import trial_config
from vael.sweep.study import lease
from vael.sweep.study.ranking import rank_trials
from vael.sweep.study.reader import StudyReader
from vael.sweep.study.records import Claim, Outcome, Wait, count_attempt, count_loss
from vael.sweep.study.table import TrialRow


@dataclass(frozen=True)
class Confirmation:
    """One run of the best configuration.

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
    for path in sorted((folder / "confirm").glob("[0-9]*/confirms.json")):
        plain = json.loads(path.read_text())
        told = path.with_name("outcome.json")
        outcome = Outcome(**json.loads(told.read_text())) if told.exists() else None
        run, trial, seed = path.parent, plain["trial"], plain["seed"]
        found.append(Confirmation(int(run.name), run, trial, seed, outcome))
    return found


def claim_confirmation(
    study: StudyReader, table: Sequence[TrialRow], watch: lease.Watch, worker: str, now: float
) -> Claim | Wait | None:
    """Claim the next confirmation to run, under the sweep's lock and after the last trial.

    Args:
        study: whose best configuration it is.
        table: of all trials.
        watch: over the leases of others.
        worker: its name, for the lease.
        now: by the clock of the file system.
    """
    d = study.definition
    if not d.confirm:
        return None
    order = rank_trials(table, d.directions[0])
    if not order:
        return None
    winner = order[0]
    _put_aside(study, winner.number, watch, now)
    mine = [c for c in read_confirmations(study.folder) if c.trial == winner.number]
    held = False
    for c in mine[: d.confirm]:
        if c.outcome is not None:
            continue
        if not lease.is_stale(c.folder, d.lease, watch, now):
            held = True
            continue
        before = lease.find_holder(c.folder)
        if not before or _lost(c.folder, f"worker {before.worker} is gone", d.retries):
            return _begin(c.folder, c.number, worker)
    if len(mine) < d.confirm:
        return _new(study, winner, len(mine), worker)
    return Wait() if held else None


def _new(study: StudyReader, winner: TrialRow, index: int, worker: str) -> Claim:
    d = study.definition
    number = _unused(study.folder)
    run = study.folder / "confirm" / f"{number:04d}"
    run.mkdir(parents=True, exist_ok=True)
    seed = int(read_settings(RunFolder(winner.folder).config).seed) + 1 + index
    overrides = study.space.overrides(winner.params)
    config = trial_config.compose_confirmation(d, overrides, number, study.snapshot.threads, seed)
    trial_config.write_trial_config(run, config)
    write_json(run / "confirms.json", {"trial": winner.number, "seed": seed})
    return _begin(run, number, worker)


def _put_aside(study: StudyReader, winner: int, watch: lease.Watch, now: float) -> None:
    """Put aside what confirmed an earlier best, before the budget was raised; what runs stays."""
    for c in read_confirmations(study.folder):
        if c.trial != winner and lease.is_stale(c.folder, study.definition.lease, watch, now):
            c.folder.rename(c.folder.with_name(f"trial-{c.trial}-{c.folder.name}"))


def _unused(folder: Path) -> int:
    """Return the first number that no confirmation has had, those put aside included."""
    made = (folder / "confirm").glob("*/confirms.json")
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


@dataclass(frozen=True)
class Verdict:
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
            parts.append(
                f"{name} {statistics.fmean(values):.4f}{spread} on {len(values)} fresh seeds"
            )
        if self.failed:
            parts.append(f"{self.failed} of these runs failed")
        return ", ".join(parts)


def judge_best(study: StudyReader, table: Sequence[TrialRow]) -> Verdict | None:
    """Judge the best by its runs on fresh seeds; None where there are none that have ended."""
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
    return Verdict(order[0].number, order[0].values[0], scores, failed) if ended else None
