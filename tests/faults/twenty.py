"""Twenty whole runs at the same time, which start in the same second with an empty cache.

Each is a fork of this process, which has imported everything, and has a log of its own.
"""

import contextlib
import os
import sys
from pathlib import Path

from helpers.runs import QUICK, config_of

from vael.runs import creation
from vael.sweep.workers.preload import preload
from vael.training.fit import train


def be(number: int, folder: Path, gate: int) -> int:
    """One run, once the gate is open; its exit code."""
    config = config_of(
        f"output_dir={folder}/out", *QUICK, "trainer.max_epochs=1", f"seed={number % 2}"
    )
    os.read(gate, 1)
    with (folder / f"{number}.log").open("w") as log, contextlib.redirect_stderr(log):
        train(creation.make_run_folder(config))
    return 0


def main(folder: Path, runs: int) -> int:
    """Opens the gate when all are there; how many have failed."""
    preload()
    closed, opened = os.pipe()
    children = []
    for number in range(runs):
        child = os.fork()
        if child == 0:
            os.close(opened)
            code = 1
            try:
                code = be(number, folder, closed)
            finally:
                os._exit(code)
        children.append(child)
    os.close(opened)
    return sum(os.waitpid(child, 0)[1] != 0 for child in children)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
