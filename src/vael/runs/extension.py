"""Extension of a run: more epochs than it was made for."""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from omegaconf import OmegaConf

from vael.config.overrides import escape
from vael.distributed.ownership import own_folder
from vael.errors import ConfigError, VaelError
from vael.files import write_text
from vael.runs.folder import RunFolder, read_config
from vael.runs.summary import ENDED, Summary, read_summary
from vael.text import word_command

EPOCHS = "trainer.max_epochs"


@contextmanager
def extended(folder: Path, settings: Sequence[str]) -> Iterator[None]:
    """Extend a run, see `extend_run`; where it then cannot even begin, leave it as it was.

    Args:
        folder: of the run.
        settings: as for `extend_run`; none: as it is.
    """
    if not settings:
        yield
        return
    run = RunFolder(folder)
    before = {f: f.read_text() for f in (run.config, run.summary, run.report) if f.is_file()}
    extend_run(folder, settings)
    written = _last_write(run)
    try:
        yield
    except VaelError as error:
        if error.exit_code == VaelError.exit_code and _last_write(run) == written:
            for file, text in before.items():
                write_text(file, text)
        raise


def _last_write(run: RunFolder) -> int:
    return run.last.stat().st_mtime_ns if run.last.is_file() else 0


def extend_run(folder: Path, settings: Sequence[str]) -> None:
    """Write a larger ``trainer.max_epochs`` into a run's config; a finished run is open again.

    It then goes on from last.ckpt, and ends as one that was made for so many epochs, to the bit -
    unless its learning rate or beta is scheduled over the whole run.

    Args:
        folder: of the run.
        settings: ``["trainer.max_epochs=200"]``.

    Raises:
        ConfigError: another setting, too few epochs, or nothing left to go on from.
    """
    run, config, epochs = RunFolder(folder), read_config(folder), _parse(folder, settings)
    summary = read_summary(folder) or {}
    trained, status = summary.get("epochs", 0), summary.get("status")
    if epochs <= trained:
        raise ConfigError(
            f"{EPOCHS}={epochs}, but {folder} has trained {trained} epochs already: give more."
        )
    if status == "pruned":
        raise ConfigError(
            f"{folder} was pruned by its search and cannot go on; the same run anew: "
            f"{summary['command']}"
        )
    if status in ENDED and not run.last.is_file():
        raise ConfigError(
            f"{folder} cannot go on: {run.last} is gone (a search keeps those of its best "
            f"trials). The same run anew: {summary['command']}"
        )
    with own_folder(run.config):
        config.trainer.max_epochs = epochs
        words = [w for w in shlex.split(config.command) if not w.startswith(f"{EPOCHS}=")]
        config.command = escape(shlex.join([*words, f"{EPOCHS}={epochs}"]))
        write_text(run.config, OmegaConf.to_yaml(config))
        if status in ENDED:
            reopened = Summary.of(summary)
            reopened.status, reopened.reason = "interrupted", f"to go on to {epochs} epochs"
            reopened.write(folder)


def _parse(folder: Path, settings: Sequence[str]) -> int:
    for setting in settings:
        name, _, value = setting.partition("=")
        if name != EPOCHS or not (value.isascii() and value.isdigit()):
            other = word_command("vael", "train", f"init_from={folder}")
            raise ConfigError(
                f"{setting}: a run that has a folder takes {EPOCHS}=N alone, to train longer. "
                f"With other settings it is another run: {other} ... starts from its weights."
            )
    return int(settings[-1].partition("=")[2])
