"""Floor 8: RUN/train.log."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vael.devices import is_first


@contextmanager
def logbook(folder: Path) -> Iterator[None]:
    """Sends the log to ``folder/train.log``, and its warnings to the terminal too.

    Only the first process writes.
    """
    log = logging.getLogger("vael")
    log.setLevel(logging.INFO)
    log.propagate = False
    for chatty in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    handlers: list[logging.Handler] = [logging.NullHandler()]
    if is_first():
        to_file = logging.FileHandler(folder / "train.log")
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
