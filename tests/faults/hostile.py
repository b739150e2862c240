"""Bad input of any kind: it trains a step, or ends in one clear error, soon, and runs no code."""

import collections
import contextlib
import json
import signal
import warnings
from pathlib import Path

import torch
from hypothesis import HealthCheck, given, settings

from vael.errors import LONGEST, VaelError, one_line, translate_resource_errors
from vael.runs.folder import read_config
from vael.training.setup import prepare_run
from vael.training.trainer import make_trainer

SECONDS = 60  # of one input, on a busy machine; seen: below 2


class Hung(BaseException):
    """Not an Exception, so that nobody catches it."""


@contextlib.contextmanager
def deadline(seconds=SECONDS):
    """Raises Hung in the main thread when the time is over."""

    def ring(number, frame):
        raise Hung(f"still not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Tally:
    """Counts what was tried and what came of it."""

    def __init__(self):
        self.counts = collections.defaultdict(collections.Counter)

    def attempt(self, kind, action):
        """One input; whatever is neither a result nor a clear error goes on to the test."""
        with deadline(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # in a test they are errors, for a user they are not
            try:
                action()
                result = "accepted"
            except VaelError as error:
                check_message(one_line(error))
                result = "refused"
        self.counts[kind][result] += 1
        return result

    def total(self):
        """How many inputs were tried."""
        return sum(sum(counter.values()) for counter in self.counts.values())

    def write(self, path, **more):
        """As JSON."""
        kinds = {kind: dict(sorted(counter.items())) for kind, counter in self.counts.items()}
        path.write_text(
            json.dumps({"inputs": self.total(), "kinds": kinds, **more}, indent=2) + "\n"
        )


def check_message(text):
    """A message that helps: some words in one printable line, of bearable length."""
    assert 20 <= len(text) <= LONGEST + 10, text[:LONGEST]
    assert text.isprintable(), text
    assert not text.startswith(("Traceback", "'", "<")), text


def trained_step(folder: Path):
    """Everything that `vael train` does up to and with the first optimiser step, in-process."""
    threads = torch.get_num_threads()
    try:
        with translate_resource_errors():
            run = prepare_run(folder, read_config(folder))
            make_trainer(run)
            batch = next(iter(run.data.train_dataloader()))
            loss = run.lit.training_step(batch, 0)
            loss.backward()
            made = run.lit.configure_optimizers()
            (made["optimizer"] if isinstance(made, dict) else made).step()
    finally:
        torch.set_num_threads(threads)


def explore(examples, strategy, body):
    """Runs the body on so many examples, the same ones each time."""

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def run(case):
        body(case)

    run()
