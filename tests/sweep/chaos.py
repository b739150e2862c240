"""A worker of its own process, for test_study: works on a sweep, and may die at a given place."""

import os
import signal
import sys
from pathlib import Path

from sweep_support import train

from vael.sweep import freeze, lease, result
from vael.sweep.records import Claim
from vael.sweep.study import Study


def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)


def main(folder, worker, place):
    study = Study.open(folder)
    if place == "between ask and lease":
        lease.take = die
    elif place == "between lease and config.yaml":
        freeze.freeze = die
    elif place == "between told and freed":
        lease.free = die
    elif place == "before telling":
        study._study.tell = die
    elif place == "after telling":
        result.write = die
    while (claim := study.claim(worker)) is not None:
        if isinstance(claim, Claim):
            if place == "in the trial":
                die()
            print(claim.kind, claim.number, flush=True)
            train(study, claim)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
