"""``vael list``: the runs that there are."""

import time
from pathlib import Path
from typing import Annotated

import typer

from vael.errors import ConfigError
from vael.runs.listing import OUTPUTS, ListedRun
from vael.text import word_command


def list_(
    folder: Annotated[Path, typer.Argument(help="Of runs, or of a search.")] = OUTPUTS,
    number: Annotated[int, typer.Option("--number", "-n", help="At most; 0: all.")] = 20,
) -> None:
    """List the runs below FOLDER, the newest first.

    Name, start, status, target and its score, and the settings that not all of them share. The
    trials of a search are listed where its folder is given.
    """
    from vael.runs.listing import list_runs

    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder: vael train makes the first run in outputs.")
    runs = list_runs(folder)
    if not runs:
        print(f"no runs in {folder}")
        return
    shown = runs[:number] if number > 0 else runs
    cells = [_cells(run) for run in shown]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        print("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())
    if len(shown) < len(runs):
        more = word_command("vael", "list", folder, "-n", 0)
        print(f"and {len(runs) - len(shown)} more: {more}")


def _cells(run: ListedRun) -> tuple[str, ...]:
    started = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started))
    return str(run.folder), started, run.status, run.score_text, " ".join(run.settings)
