"""Words for commands, counts, durations, and what a mistyped name may mean ("did you mean")."""

import difflib
import shlex
from collections.abc import Sequence


def word_command(*words: object) -> str:
    """Word a command as a shell takes it: ``vael train 'my runs/1'``."""
    return shlex.join(map(str, words))


def count_text(count: int, noun: str) -> str:
    """Word a count: ``1 seed``, ``1,200 seeds``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def duration_text(seconds: float) -> str:
    """Word a duration: ``12 s``, ``3 min 20 s``, ``2 h 5 min``, ``1 d 3 h``."""
    whole = max(0, round(seconds))
    units = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))
    for unit, name, below, below_name in units:
        if whole >= unit:
            return f"{whole // unit} {name} {whole % unit // below} {below_name}"
    return f"{whole} s"


def clock_text(seconds: float) -> str:
    """Word a duration as a clock does: ``3:20``, ``2:05:00``."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def did_you_mean(
    word: str,
    known: Sequence[str],
    otherwise: str = "",
    first: Sequence[str] = (),
    most: int = 2,
    cutoff: float = 0.6,
) -> str:
    """Say what a mistyped word may have meant, for the end of an error.

    Args:
        word: as given.
        known: what it could have been.
        otherwise: said where nothing is close; empty: all that is known.
        first: of the known, those that come before the close ones.
        most: suggestions.
        cutoff: likeness from which a word is close.
    """
    close = dict.fromkeys([*first, *difflib.get_close_matches(word, known, most, cutoff)])
    close.pop(word, None)
    if close:
        return f"Did you mean {' or '.join([*close][:most])}?"
    return otherwise or f"Known: {', '.join(known)}."
