"""Numbers, parameters and times of trials as text."""

import difflib
from collections.abc import Iterable, Mapping, Sequence


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Shorten each dotted name to its last part, unless two would be called the same."""
    every = list(dict.fromkeys(names))
    last = [name.rsplit(".", 1)[-1] for name in every]
    return {
        name: short if last.count(short) == 1 else name
        for name, short in zip(every, last, strict=True)
    }


def params_text(params: Mapping[str, object]) -> str:
    """Format parameters: ``latent_dim=16 beta=0.52 likelihood=gaussian``."""
    names = short_names(params)
    return " ".join(f"{names[name]}={value_text(value)}" for name, value in params.items())


def value_text(value: object) -> str:
    """Format a parameter's value; four significant digits of a float."""
    return f"{value:.4g}" if isinstance(value, float) else one_line(str(value))


def one_line(text: str) -> str:
    """Replace each line end and control character, which a terminal would obey, by a space."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def time_text(seconds: float) -> str:
    """Format a duration: ``12 s``, ``3 min 20 s``, ``2 h 5 min``, ``1 d 3 h``."""
    whole = max(0, round(seconds))
    for unit, name, below, below_name in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= unit:
            return f"{whole // unit} {name} {whole % unit // below} {below_name}"
    return f"{whole} s"


def clock_text(seconds: float) -> str:
    """Format a duration as a clock: ``3:20``, ``2:05:00``."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def near(word: str, known: Sequence[str]) -> str:
    """What somebody may have meant, for the end of an error."""
    close = difflib.get_close_matches(word, known, n=2, cutoff=0.6)
    return f"Did you mean {' or '.join(close)}?" if close else f"Known: {', '.join(known)}."
