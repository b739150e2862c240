"""Commands as their user types them, in forks of this process: the imports are paid for once.

A new Python with torch and Lightning costs 5 s of processor time. What is seen is the same: exit
code, both streams, and what is left on the disk. Where the start itself is what a test is about
(signals, ranks, memory, threads), it starts a real process.
"""

import logging
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NoReturn

from helpers.runs import ROOT

from vael.cli import main


def train_py(
    *arguments: str, cwd: Path, env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """``python train.py ARGUMENTS``."""
    return _forked([str(ROOT / "train.py"), *arguments], cwd, env or {})


def vael(
    *arguments: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """``vael ARGUMENTS``."""
    return _forked(["-m", "vael.cli", *arguments], cwd, env or {})


def _forked(
    arguments: Sequence[str], cwd: Path, env: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pytest-xdist's threads take no part
            pid = os.fork()
        if pid == 0:
            _be(arguments, cwd, env, out, err)
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read())
    return subprocess.CompletedProcess(list(arguments), code, *texts)


def _be(
    arguments: Sequence[str], cwd: Path, env: Mapping[str, str], out: IO[str], err: IO[str]
) -> NoReturn:
    """Runs the command with nothing of pytest around it."""
    code = 1
    try:
        for source, target in ((out.fileno(), 1), (err.fileno(), 2)):
            os.dup2(source, target)
        sys.stdin = open(os.devnull)  # noqa: SIM115
        sys.stdout, sys.stderr = open(1, "w"), open(2, "w", buffering=1)  # noqa: SIM115
        os.chdir(cwd)
        os.environ.update(env)
        logging.getLogger().handlers.clear()
        warnings.resetwarnings()
        for ignored in (
            DeprecationWarning,
            PendingDeprecationWarning,
            ImportWarning,
            ResourceWarning,
        ):  # as a new Python does
            warnings.simplefilter("ignore", ignored)
        os.execv = _become  # type: ignore[assignment]
        _run(arguments)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _become(path: str, command: Sequence[str]) -> NoReturn:
    """Goes on as the command that train.py turns into."""
    assert (path, command[0]) == (sys.executable, sys.executable)
    _run(command[1:])
    raise SystemExit(0)


def _run(arguments: Sequence[str]) -> None:
    if arguments[0] == "-m":
        assert arguments[1] == "vael.cli"
        sys.argv = ["vael", *arguments[2:]]
        main.main()
    else:
        sys.argv = list(arguments)
        runpy.run_path(arguments[0], run_name="__main__")
