"""Floor 8: the folders of an offline wandb run: one for each attempt."""

import json
from pathlib import Path

from vael.files import write_json

NAME = "parts.json"
ASIDE = "killed-"


class Parts:
    """Which of them are whole. One that was killed holds nothing or the beginning of its rows.

    wandb keeps 32 KiB back and cannot take up a file again. So a part that was killed is put
    aside, as ``killed-offline-run-...``, and the next one repeats its rows from metrics.csv.

    Args:
        folder: ``RUN/wandb``.
        own: name of this attempt's folder there.
    """

    def __init__(self, folder: Path, own: str) -> None:
        self.folder, self.own = folder, own
        try:
            self.known = dict(json.loads((folder / NAME).read_text()))
        except (OSError, ValueError, TypeError):
            self.known = {}

    def begin(self, step: int) -> int:
        """Puts the killed ones aside; the step after which rows are to be repeated.

        Args:
            step: that this attempt goes on from.
        """
        since = step
        for name, part in self.known.items():
            path = self.folder / name
            if not part["whole"] and path.is_dir():
                path.rename(self.folder / f"{ASIDE}{name}")
                since = min(since, int(part["since"]))
        self.known[self.own] = {"since": since, "whole": False}
        write_json(self.folder / NAME, self.known)
        return since

    def end(self) -> None:
        """All of it is written."""
        self.known[self.own]["whole"] = True
        write_json(self.folder / NAME, self.known)
