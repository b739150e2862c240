"""Fork of a fork server: it behaves like a new Python that was asked for a ``vael`` command."""

import atexit
import os
import random
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from vael.distributed import processes, signals
from vael.sweep.workers.line import Message


def run_child(server: int, message: Message, command: Callable[[], None]) -> NoReturn:
    """Run a command in this process, which has just been forked, and end it.

    Args:
        server: pid of the process that has forked it, and with which it dies.
        message: the ``words`` of the command, its ``environment`` and its ``log``.
        command: does what ``sys.argv`` says.
    """
    code = 1
    try:
        os.setsid()
        processes.die_with(server)
        _redirect(message["log"])
        os.environ.clear()
        os.environ.update(message["environment"])
        random.seed()
        import numpy as np

        np.random.seed()  # noqa: NPY002 # nothing of ours uses it, but all children would share it
        for number in (*signals.SIGNALS, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.argv = ["vael", *message["words"]]
        command()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        with suppress(OSError):
            traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):  # a full disk
                stream.flush()
        os._exit(code)


def _redirect(log: str) -> None:
    """Print to the log from now on, and read nothing."""
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(source, target)
    os.close(out)
    os.close(nothing)
