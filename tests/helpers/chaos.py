"""A worker of its own process, for test_study: works on a sweep, and may die at a given place."""

import os
import signal
import sys
from pathlib import Path

from helpers.studies import train

from vael.sweep.spec import trial_config
from vael.sweep.study import lease, results
from vael.sweep.study.records import Claim
from vael.sweep.study.study import Study


def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)


def main(folder, worker, place):
    study = Study.open(folder)
    if place == "between ask and lease":
        lease.take_lease = die
    elif place == "between lease and config.yaml":
        trial_config.write_trial_config = die
    elif place == "between told and freed":
        lease.free_lease = die
    elif place == "before telling":
        study._study.tell = die
    elif place == "after telling":
        results.Results.add = die
    while (claim := study.claim(worker)) is not None:
        if isinstance(claim, Claim):
            if place == "in the trial":
                die()
            print(claim.kind, claim.number, flush=True)
            train(study, claim)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
