"""Contents of a sweep's folder for its report: every part may be missing or broken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vael.runs.folder import RunFolder
from vael.runs.json_files import peek_json
from vael.runs.summary import peek_summary, pick_scores
from vael.sweep.report.importance import Importances
from vael.sweep.study.confirmation import CONFIRMS
from vael.sweep.study.ranking import Goal
from vael.sweep.study.table import TrialRow
from vael.sweep.study.verdict import Verdicts


@dataclass(frozen=True)
class ConfirmationRow:
    """A run of a configuration on a fresh seed.

    Attributes:
        trial: whose configuration it has.
        metrics: ``val/*`` and ``test/*``; empty while it has not finished.
        samples: k behind each split.
    """

    number: int
    trial: int | None
    seed: int | None
    status: str
    reason: str | None
    metrics: Mapping[str, float]
    samples: Mapping[str, Any]


@dataclass(frozen=True)
class TrialConfig:
    """Settings that decide which of a trial's numbers can be compared with others'.

    Attributes:
        family: of the likelihood.
        fit: ``mass`` or ``density``: whose elbo, rate and distortion these are.
        samples: k behind ``val/bpd``.
        condition: what a conditional model is told; empty: nothing.
    """

    family: str
    fit: str
    samples: Any
    condition: str
    command: str


@dataclass(frozen=True)
class SweepContents:
    """Goal, trials, confirmations, importances and verdicts of a sweep, for its page.

    Attributes:
        end: a sentence that says why no further trial begins; None: one may.
        following: parameters of what the sampler would try next.
    """

    folder: Path
    goal: Goal
    table: Sequence[TrialRow]
    trained: Mapping[int, TrialConfig]
    confirmations: Sequence[ConfirmationRow]
    importances: Importances
    verdicts: Verdicts
    end: str | None = None
    following: Sequence[Mapping[str, Any]] = ()


def read_sweep(
    folder: Path,
    goal: Goal,
    table: Sequence[TrialRow],
    importances: Importances,
    verdicts: Verdicts,
    end: str | None = None,
    following: Sequence[Mapping[str, Any]] = (),
) -> SweepContents:
    """Add to the table what the run folders know."""
    trained = {row.number: _trained(row) for row in table if row.finished}
    fresh = _confirmations(folder)
    return SweepContents(
        folder, goal, table, trained, fresh, importances, verdicts, end, following
    )


def _trained(row: TrialRow) -> TrialConfig:
    config, summary = _config(RunFolder(row.folder).config), peek_summary(row.folder)
    likelihood, choices = _mapping(config, "likelihood"), _mapping(config, "choices")
    target = str(likelihood.get("_target_") or "").rsplit(".", 1)[-1]
    samples = _mapping(summary, "samples").get("val")
    return TrialConfig(
        str(choices.get("likelihood") or target or "likelihood unknown"),
        str(summary.get("fit") or likelihood.get("fit") or ""),
        samples,
        str(summary.get("condition") or ""),
        str(summary.get("command") or config.get("command") or ""),
    )


def _confirmations(folder: Path) -> list[ConfirmationRow]:
    found = []
    for run in sorted(p for p in folder.glob("confirm/*") if p.name.isdecimal()):
        summary = peek_summary(run)
        trial = peek_json(run / CONFIRMS).get("trial")
        status = str(summary.get("status") or "unfinished")
        seed, reason = summary.get("seed"), summary.get("reason")
        found.append(
            ConfirmationRow(
                int(run.name),
                trial if isinstance(trial, int) else None,
                seed if isinstance(seed, int) else None,
                status,
                str(reason) if reason else None,
                pick_scores(summary, ("val", "test")) if status == "finished" else {},
                _mapping(summary, "samples"),
            )
        )
    return found


def _config(path: Path) -> Mapping[str, Any]:
    """Read a resolved config with yaml's C parser: OmegaConf takes ten times as long."""
    import yaml  # type: ignore[import-untyped]

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        config = yaml.load(path.read_text(encoding="utf-8", errors="replace"), loader)
    except (OSError, yaml.YAMLError):
        return {}
    return config if isinstance(config, Mapping) else {}


def _mapping(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = parent.get(name)
    return found if isinstance(found, Mapping) else {}
