"""Names and parameters of trials as text."""

from collections.abc import Iterable, Mapping


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
    """Format a parameter's value; four significant digits of a float, None as null."""
    if value is None:
        return "null"
    return f"{value:.4g}" if isinstance(value, float) else printable(str(value))


def score_text(value: float) -> str:
    """Format a target's value: a score with four decimals, a large count without any."""
    return f"{value:.4f}" if abs(value) < 1e4 else f"{value:,.0f}"


def printable(text: str) -> str:
    """Replace each line end and control character, which a terminal would obey, by a space."""
    return "".join(c if c.isprintable() else " " for c in text).strip()
