"""Recorded studies: what each trial tried, its curve and its seconds, in small files."""

import csv
import gzip
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vael.files import write_bytes
from vael.runs.folder import RunFolder
from vael.runs.metrics_csv import read_history

DIGITS = 6  # of a score: 1e-6 bits/dim is far below what a seed changes


@dataclass(frozen=True)
class Trial:
    """One trial of a recorded study.

    Attributes:
        number: its place in the study.
        state: complete, pruned or failed.
        params: what it tried, by the dotted name of the config.
        curve: the target after each epoch.
        seconds: of training; None where it failed.
        ended: when its outcome was told, ISO 8601.
    """

    number: int
    state: str
    params: dict[str, Any]
    curve: list[float]
    seconds: float | None
    ended: str | None

    @property
    def best(self) -> float:
        """The best score of any epoch: what a complete trial tells the study."""
        return min(self.curve, default=math.inf)


@dataclass(frozen=True)
class Record:
    """One recorded study.

    Attributes:
        study: what defines it: file, sampler, pruner, seed, trials.
        machine: where it ran.
        trials: those that have ended, by number.
    """

    study: dict[str, Any]
    machine: dict[str, Any]
    trials: list[Trial]

    @property
    def done(self) -> bool:
        """Whether all of its trials have ended."""
        return len(self.trials) == self.study["trials"]


def write_record(path: Path, record: Record) -> None:
    """Write a record, the same bytes for the same content."""
    text = json.dumps(asdict(record), separators=(",", ":"))
    packed = gzip.compress(text.encode(), mtime=0)
    write_bytes(path, lambda file: file.write(packed))


def read_record(path: Path) -> Record:
    """Read a record."""
    plain = json.loads(gzip.decompress(path.read_bytes()))
    return Record(**{**plain, "trials": [Trial(**trial) for trial in plain["trials"]]})


def read_records(folder: Path, kind: str) -> list[Record]:
    """Read the records of one kind that are done, by seed."""
    found = [read_record(path) for path in folder.glob(f"{kind}-*.json.gz")]
    return sorted((r for r in found if r.done), key=lambda r: int(r.study["seed"]))


def read_trials(sweep: Path, target: str) -> list[Trial]:
    """Read the trials that have ended out of a sweep's folder."""
    table = sweep / "trials.csv"
    if not table.exists():
        return []
    with table.open() as file:
        rows = [row for row in csv.DictReader(file) if row["ended"]]
    found = []
    for row in sorted(rows, key=lambda row: int(row["number"])):
        series = read_history(RunFolder(sweep / row["folder"]).metrics).series.get(target)
        found.append(
            Trial(
                number=int(row["number"]),
                state=row["state"],
                params={
                    name.removeprefix("params."): _number(cell)
                    for name, cell in row.items()
                    if name.startswith("params.") and cell
                },
                curve=[] if series is None else [round(v, DIGITS) for v in series.value],
                seconds=float(row["seconds"]) if row["seconds"] else None,
                ended=row["ended"],
            )
        )
    return found


def _number(cell: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return cell
