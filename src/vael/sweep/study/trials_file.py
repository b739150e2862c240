"""The file trials.csv: one line for each trial that has ended."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from vael.files import append_lines, write_text
from vael.sweep.study.records import trial_folder
from vael.sweep.study.table import FINISHED, TrialRow

NAME = "trials.csv"
COLUMNS = (
    "number",
    "state",
    "reason",
    "epochs",
    "seconds",
    "attempts",
    "started",
    "ended",
    "feasible",
)


class TrialsFile:
    """A sweep's trials.csv, to which its workers add lines, under the sweep's lock.

    A line is added in the order in which trials end; nothing that stands there is written again,
    but where a trial has a column that no trial before it had. ``write_csv`` sorts it, at the end.

    Args:
        folder: the sweep's.
        targets: scores that are searched for.

    Attributes:
        numbers: of the trials that are in it, as far as it has been read.
    """

    def __init__(self, folder: Path, targets: Sequence[str]) -> None:
        self.folder = folder
        self.path = folder / NAME
        self.numbers: set[int] = set()
        self._targets = tuple(targets)
        self._columns: list[str] = []
        self._end = 0  # up to where it has been read
        self._last = b""  # the line before that

    def read_new(self) -> list[TrialRow]:
        """Read what others have added since; all of it where the file is another.

        The rows have what ranks them, number, state, values and feasible, and nothing else.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(self._end - len(self._last))
                if self._last and file.read(len(self._last)) == self._last:
                    new = file.read()
                else:  # it is new to us, or has been written anew
                    self._columns, self._end, self.numbers = [], 0, set()
                    file.seek(0)
                    new = file.read()
        except FileNotFoundError:
            self._columns, self._end, self._last, self.numbers = [], 0, b"", set()
            return []
        lines = new[: new.rfind(b"\n") + 1].splitlines(keepends=True)
        if lines:
            self._last = lines[-1]
            self._end += sum(map(len, lines))
        texts = [line.decode() for line in lines]
        if texts and not self._columns:
            [self._columns] = csv.reader(texts[:1])
            texts = texts[1:]
        found = map(self._row, csv.DictReader(texts, self._columns))
        fresh = [row for row in found if row is not None and row.number not in self.numbers]
        self.numbers |= {row.number for row in fresh}
        return fresh

    def add(self, row: TrialRow, parameters: Iterable[str]) -> None:
        """Add a trial that has ended.

        Args:
            row: of the trial.
            parameters: of the space: each has a column from the first line on.
        """
        cells = _cells(row, self._targets)
        wanted = [*self._columns, *(name for name in cells if name not in self._columns)]
        if not self._columns:
            wanted = _order([*cells, *(f"params.{name}" for name in parameters)], self._targets)
        if wanted != self._columns:
            self._widen(wanted)
        append_lines(self.path, _line([cells.get(name) for name in self._columns]))
        self.read_new()

    def _widen(self, wanted: Sequence[str]) -> None:
        old: list[Mapping[str, str]] = []
        if self.path.exists():
            with self.path.open(newline="") as file:
                old = list(csv.DictReader(file))
        columns = _order([*wanted, *(old[0] if old else ())], self._targets)
        lines = [_line(columns), *(_line([cells.get(name) for name in columns]) for cells in old)]
        write_text(self.path, "".join(lines))
        self.read_new()

    def _row(self, cells: Mapping[str, str]) -> TrialRow | None:
        state = next((state for state in FINISHED if state == cells["state"]), None)
        if state is None:
            return None
        number, texts = int(cells["number"]), (cells.get(target) for target in self._targets)
        values = tuple(float(text) for text in texts if text)
        folder = trial_folder(self.folder, number)
        feasible = cells.get("feasible") != str(False)
        return TrialRow(number, state, values, None, {}, None, None, 1, folder, feasible=feasible)


def write_csv(folder: Path, table: Sequence[TrialRow], targets: Sequence[str]) -> None:
    """Write the whole file anew, by number; a cell is empty where a trial has nothing.

    The columns: our own, one for each target that is not among them, ``params.NAME``,
    ``metrics.NAME``.
    """
    rows = [_cells(row, targets) for row in table if row.finished]
    columns = _order({name: None for cells in rows for name in cells}, targets)
    lines = [_line(columns), *(_line([cells.get(name) for name in columns]) for cells in rows)]
    write_text(folder / NAME, "".join(lines))


def _cells(row: TrialRow, targets: Sequence[str]) -> dict[str, object]:
    own = {name: getattr(row, name) for name in COLUMNS}
    pairs = zip_longest(targets, row.values[: len(targets)])
    values = {target: value for target, value in pairs if target not in COLUMNS}
    params = {f"params.{name}": row.choice(name) for name in row.params}
    metrics = {f"metrics.{name}": value for name, value in row.metrics.items()}
    return {**own, "folder": f"trials/{row.folder.name}", **values, **params, **metrics}


def _order(names: Iterable[str], targets: Sequence[str]) -> list[str]:
    first = [*COLUMNS, "folder", *(target for target in targets if target not in COLUMNS)]
    more = set(names) - set(first)
    starts = ("params.", "metrics.")
    return [*first, *(name for s in starts for name in sorted(more) if name.startswith(s))]


def _line(cells: Iterable[object]) -> str:
    """Return one line, whatever is in the cells."""
    text = io.StringIO()
    flat = [" ".join(c.split()) if isinstance(c, str) else c for c in cells]
    csv.writer(text, lineterminator="\n").writerow(flat)
    return text.getvalue()
