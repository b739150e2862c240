import dataclasses
import io
from pathlib import Path

import pytest
from rich.console import Console

from vael.sweep.display import (
    LiveDisplay,
    LogDisplay,
    WorkerState,
    bar_text,
    best_text,
    make_display,
    stopped_text,
)
from vael.sweep.study.ranking import Goal
from vael.sweep.study.table import TrialRow
from vael.sweep.text import params_text, printable
from vael.text import clock_text, duration_text

GOAL = Goal("tiny", ("val/bpd",), ("minimize",), 10)
EVIL = "NaN \x1b[2J at [red]step[/red] 3\nin two lines"


def row(number, state="complete", value=None, **changes):
    values = () if value is None else (value,)
    params = {"model.latent_dim": 16, "objective.beta": 0.52371, "likelihood": "gaussian"}
    made = TrialRow(number, state, values, None, params, 5, 12.0, 1, Path("x"))
    return dataclasses.replace(made, **changes)


def terminal(width=80):
    return Console(record=True, force_terminal=True, width=width, height=24, file=io.StringIO())


def log():
    return Console(force_terminal=False, width=40, file=io.StringIO())


def seen(console):
    """What a terminal would have shown in the last redraw, line by line."""
    return console.export_text().rstrip("\n").split("\n")


def test_a_bar_shows_the_share_of_the_budget_and_a_stopped_sweep_says_how_it_goes_on():
    rows = [row(n, value=2.0) for n in range(4)] + [row(4, "waiting")]
    assert bar_text(GOAL, rows).strip() == "█" * 8 + "░" * 12
    assert stopped_text(GOAL, rows) == (
        "stopped after 4/10 trials (1 waiting): the same command goes on"
    )
    over = [row(n, value=2.0) for n in range(10)]
    assert "yet to be trained again on fresh seeds" in stopped_text(GOAL, over)


def test_without_a_best_it_is_said_whether_constraints_are_why():
    assert best_text(GOAL, [row(0, "running")]) == "no complete trial yet"
    broken = row(0, value=2.0, feasible=False)
    assert best_text(GOAL, [broken]) == "no trial that keeps the constraints yet"
    assert best_text(GOAL, [broken, row(1, value=3.0)]).startswith("best val/bpd 3.0000: trial 1")


def test_a_terminal_has_a_line_for_each_worker_and_the_best():
    console = terminal()
    display = LiveDisplay(GOAL, console, now=lambda: 1000.0)
    display.update(
        [
            WorkerState("w-1", "trial", 4, 3, 30, 2.41234, 875.0),
            WorkerState("w-0"),
            WorkerState("w-2", "confirmation", 2, None, None, None, 999.0),
        ],
        [
            row(0, value=2.5),
            row(1, value=2.125),
            row(2, "pruned", 1.0),
            row(3, "failed"),
            row(4, "running"),
        ],
    )
    head, best, names, *workers = seen(console)
    assert head.startswith("4/10 trials (2 complete, 1 pruned, 1 failed)")
    assert best.startswith(
        "best val/bpd 2.1250: trial 1  latent_dim=16 beta=0.5237 likelihood=gaussian"
    )
    assert names.split() == ["worker", "trial", "epoch", "val/bpd", "time"]
    assert [line.split() for line in workers] == [
        ["w-0", "idle"],
        ["w-1", "4", "3/30", "2.4123", "2:05"],
        ["w-2", "seed", "2", "0:01"],
    ]
    display.close()
    display.close()


def test_the_time_left_is_that_of_the_trials_seen_to_finish():
    console, now = terminal(), [100.0]
    display = LiveDisplay(GOAL, console, now=lambda: now[0])
    display.update([], [row(0, value=1.0), row(1, value=1.0)])  # before: no speed
    assert "left" not in seen(console)[0]
    now[0] = 160.0
    display.update([], [row(n, value=1.0) for n in range(4)])
    # two trials in 60 s, six to go
    assert any(line.startswith("~3 min 0 s left, 4/10 trials") for line in seen(console))
    display.close()


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal_and_numbers_stay_whole(width):
    console = terminal(width)
    display = LiveDisplay(GOAL, console, now=lambda: 0.0)
    name = "a-very-long-host-name.cluster.example.org-17"
    display.update([WorkerState(name, "trial", 1234, 10, 300, 2.4123, -59.0)], [row(0, value=2.0)])
    lines = seen(console)
    assert len(lines) == 4
    assert max(map(len, lines)) <= width
    assert lines[-1].split()[-4:] == ["1234", "10/300", "2.4123", "0:59"]
    assert lines[-1].split()[0].endswith("-17")
    display.close()


@pytest.mark.parametrize("make", [terminal, log])
def test_markup_and_escapes_in_names_are_plain_text(make):
    console = make()
    display = make_display(dataclasses.replace(GOAL, name="[bold]x[/bold]\x1b[2J"), console)
    display.update([WorkerState("[red]w[/red]\x1b[2J", "trial", 1)], [])
    display.update([], [row(0, "failed", reason=EVIL, params={"likelihood": "[b]\x1b[2Jx"})])
    display.note(EVIL)
    display.close()
    text = console.file.getvalue()
    assert "\x1b[2J" not in text
    assert "[red]step[/red] 3 in two lines" in text


def test_a_log_has_one_line_for_each_trial_that_finishes():
    console = log()
    display = make_display(GOAL, console)
    assert isinstance(display, LogDisplay)
    table = [row(0, value=2.5), row(1, "running")]
    display.update([], table)
    display.update([WorkerState("w")], table)
    table = [
        row(0, value=2.5),
        row(1, value=2.25, ended="2026-01-01T10:00:02"),
        row(2, "pruned", 1.0, reason="worse", ended="2026-01-01T10:00:01", seconds=75.0),
        row(3, "failed", reason=EVIL, ended="2026-01-01T10:00:03", seconds=None),
    ]
    for _ in range(2):
        display.update([], table)
    display.close()
    text = "latent_dim=16 beta=0.5237 likelihood=gaussian"
    assert console.file.getvalue().split("\n") == [
        f"tiny: going on after 1/10 trials (1 complete); best val/bpd 2.5000: trial 0  {text}",
        f"trial 2  pruned  (worse)  {text}  1 min 15 s  [2/10; best val/bpd 2.5000: trial 0]",
        f"trial 1  complete  val/bpd 2.2500  {text}  12 s  [3/10; best val/bpd 2.2500: trial 1]",
        f"trial 3  failed  (NaN  [2J at [red]step[/red] 3 in two lines)  {text}  "
        "[4/10; best val/bpd 2.2500: trial 1]",
        "",
    ]


def test_two_targets_have_a_front_and_no_best():
    console = log()
    goal = Goal("two", ("val/rate", "val/distortion"), ("minimize", "minimize"), None)
    display = LogDisplay(goal, console)
    display.update([], [])
    display.update([], [row(0, values=(1.0, 2.0)), row(1, values=(2.0, 1.0))])
    first, last, _ = console.file.getvalue().split("\n")
    assert "val/rate 1.0000, val/distortion 2.0000" in first
    assert last.endswith("[2; best: 2 on the Pareto front of val/rate and val/distortion]")


def test_words():
    assert printable("a\nb\x1b[2Jc\n") == "a b [2Jc"
    assert [duration_text(s) for s in (0, 59.4, 60, 3661, 90000)] == [
        "0 s",
        "59 s",
        "1 min 0 s",
        "1 h 1 min",
        "1 d 1 h",
    ]
    assert [clock_text(s) for s in (-1, 5, 65, 3661)] == ["0:00", "0:05", "1:05", "1:01:01"]
    same = {"optimizer.lr": 1e-3, "scheduler.lr": 0.12345, "model": "x"}
    assert params_text(same) == "optimizer.lr=0.001 scheduler.lr=0.1235 model=x"
