"""Progress of a long computation in a log."""

import time

import pytest

from vael.progress import FIRST_SECONDS, Countdown


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_log_says_what_share_is_done_and_how_long_the_rest_takes(clock, capsys):
    with Countdown("work", 10) as countdown:
        clock[0] += 4
        countdown.add(2)  # 2 s a step: 8 are left
        assert capsys.readouterr().err == "work: 20%, 0:16 left\n"


def test_a_log_gets_fewer_lines_as_time_goes_on(clock, capsys):
    with Countdown("work", 1000) as countdown:
        for _ in range(1000):
            clock[0] += 1
            countdown.add(1)
    lines = capsys.readouterr().err.splitlines()
    # after 3 s, 6 s, 12 s, 24 s, 48 s more, then each minute
    assert len(lines) == 5 + (1000 - 93) // 60


def test_what_is_done_soon_says_nothing(clock, capsys):
    with Countdown("work", 10) as countdown:
        clock[0] += FIRST_SECONDS - 0.1
        countdown.add(10)
    assert capsys.readouterr().err == ""
