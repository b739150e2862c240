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

from vael.errors import VaelError


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
    told: list[str] = []
    reader = threading.Thread(target=_print_lines, args=(child.stderr, told))
    reader.start()
    try:
        _print_lines(child.stdout, [])
        code = child.wait()
    except KeyboardInterrupt:
        child.send_signal(signal.SIGINT)
        child.wait()
        raise
    finally:
        reader.join()
    if code:
        last = told[-1] if told else f"vael {words[0]} ended with exit code {code}"
        raise VaelError(last.removeprefix("vael: "))


def _print_lines(stream: IO[str], kept: list[str]) -> None:
    with stream:
        for line in stream:
            print(line, end="")
            if line.strip():
                kept.append(line.strip())
