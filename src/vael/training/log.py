"""The log of a run: RUN/train.log, and its warnings on the terminal."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vael.distributed.lightning import is_first
from vael.errors import DiskError
from vael.runs.folder import RunFolder

log = logging.getLogger("vael")


@contextmanager
def write_log(folder: Path) -> Iterator[None]:
    """Send the log to ``folder/train.log``, and its warnings to the terminal too.

    Only the first process writes.

    Raises:
        DiskError: the file cannot be written.
    """
    log.setLevel(logging.INFO)
    log.propagate = False
    for chatty in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    handlers: list[logging.Handler] = [logging.NullHandler()]
    if is_first():
        to_file = _open(RunFolder(folder).log)
        to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        to_terminal = logging.StreamHandler()
        to_terminal.setLevel(logging.WARNING)
        to_terminal.setFormatter(logging.Formatter("vael: %(message)s"))
        handlers = [to_file, to_terminal]
    for handler in handlers:
        log.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            log.removeHandler(handler)
            handler.close()


class _LossyFileHandler(logging.FileHandler):
    """Lose a line that does not fit on a full disk: what failed for want of room says so."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Print no traceback of the disk's on the terminal."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)

    def close(self) -> None:
        """Close, also where what is still in the buffer does not fit."""
        with suppress(OSError):
            super().close()


def _open(path: Path) -> logging.Handler:
    try:
        return _LossyFileHandler(path)
    except OSError as error:
        raise DiskError(
            f"cannot write {path}: {error.strerror or error}. Make the folder "
            "writable, then continue the run."
        ) from error
