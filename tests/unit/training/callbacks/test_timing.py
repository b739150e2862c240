"""The hint for threads that wait for a busy processor."""

import pytest

from vael.training.callbacks.timing import describe_waiting


@pytest.mark.parametrize(
    ("seconds", "worked", "threads", "waits"),
    [(46, 3.4, 2, True), (46, 3.4, 1, False), (46, 80, 2, False), (3, 0.1, 2, False)],
)
def test_only_long_waits_of_several_threads_are_told(seconds, worked, threads, waits):
    hint = describe_waiting(seconds, worked, threads)
    assert (hint is not None) == waits
    if waits:
        assert "trainer.threads=1" in hint
