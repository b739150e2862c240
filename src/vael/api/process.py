"""A ``vael`` command in a process of its own, whose lines appear here.

A run sets signal handlers, threads and options of torch: the program that asks keeps its own.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO

from vael.errors import DiskError, NonFiniteLoss, OutOfMemory, VaelError

KINDS = {kind.exit_code: kind for kind in (NonFiniteLoss, OutOfMemory, DiskError)}


def run_vael(words: Sequence[str]) -> None:
    """Run ``vael WORDS``, print what it prints, and wait for it.

    Raises:
        VaelError: it failed; its last line says why.
        KeyboardInterrupt: it was interrupted, and has saved what there is.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "vael", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        start_new_session=True,  # Ctrl-C comes here, and is passed on once
    )
    assert child.stdout is not None
    assert child.stderr is not None
    echo = _Echo()
    reader = threading.Thread(target=echo.follow, args=(child.stderr, True))
    reader.start()
    try:
        echo.follow(child.stdout, False)
        code = child.wait()
    except KeyboardInterrupt:
        child.send_signal(signal.SIGINT)
        child.wait()
        raise
    finally:
        reader.join()
    if code < 0:
        raise VaelError(f"vael {words[0]} was killed by {signal.Signals(-code).name}.")
    if code:
        last = echo.held.strip() or f"vael {words[0]} ended with exit code {code}"
        raise KINDS.get(code, VaelError)(last.removeprefix("vael: "))
    echo.say("", False)


class _Echo:
    """Print lines as they come; the last error line waits for the next: it may be raised."""

    def __init__(self) -> None:
        self.held = ""
        self._lock = threading.Lock()

    def follow(self, stream: IO[str], may_be_raised: bool) -> None:
        with stream:
            for line in stream:
                self.say(line, may_be_raised)

    def say(self, line: str, may_be_raised: bool) -> None:
        with self._lock:
            print(self.held, end="")
            self.held = line if may_be_raised else ""
            print("" if may_be_raised else line, end="", flush=True)
