"""Floor 10: the rows of a run's metrics.csv as they come."""

import csv
import io
from pathlib import Path


class Tail:
    """Each epoch's scores once, in order, also where the file is rewritten meanwhile.

    Args:
        path: of metrics.csv.
        target: the score to look for.
    """

    def __init__(self, path: Path, target: str) -> None:
        self.path = path
        self.target = target
        self._seen: set[int] = set()
        self._stamp: tuple[int, int] | None = None

    def rows(self) -> list[tuple[int, dict[str, float]]]:
        """The new ``(epoch, {metric: value})``; none where nothing was written."""
        try:
            stat = self.path.stat()
            stamp = stat.st_mtime_ns, stat.st_ino
            if stamp == self._stamp:
                return []
            text = self.path.read_text()
        except FileNotFoundError:
            return []
        self._stamp = stamp
        found = []
        for row in csv.DictReader(io.StringIO(text)):
            if row.get(self.target):
                epoch = int(row["epoch"])
                if epoch not in self._seen:
                    self._seen.add(epoch)
                    found.append((epoch, {k: float(v) for k, v in row.items() if v}))
        return sorted(found, key=lambda item: item[0])
