"""The numbers that matter about a run: what each is called, its unit, and what it means."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Quantity:
    """A metric as a reader meets it.

    Attributes:
        key: its name behind the split, as in ``test/bpd``.
        name: what it is called.
        unit: of the number.
        better: ``lower``, ``higher`` or nothing.
        meaning: one or two sentences.
    """

    key: str
    name: str
    unit: str
    better: str
    meaning: str


@dataclass(frozen=True)
class Line:
    """One row of the table: a quantity and its value in each column, as text."""

    quantity: Quantity
    values: tuple[str, ...]


def quantities(fit: str) -> list[Quantity]:
    """The known metrics, the most important first; fit is ``mass``, ``density`` or empty."""
    trained = f" Of the trained fit ({fit})." if fit else ""
    return [
        Quantity(
            "bpd",
            "Bits per dimension",
            "bits / dim",
            "lower",
            "Cost of coding the discrete data, an upper bound from k importance samples. The "
            "one number that likelihoods, betas and latent sizes compare by, at equal k.",
        ),
        Quantity(
            "elbo",
            "ELBO",
            "nats",
            "higher",
            f"Lower bound on log p(x): minus distortion minus rate.{trained}",
        ),
        Quantity(
            "iwae",
            "IWAE bound",
            "nats",
            "higher",
            f"Tighter lower bound on log p(x), from k importance samples.{trained}",
        ),
        Quantity(
            "distortion",
            "Distortion",
            "nats",
            "lower",
            f"\u2212E[log p(x|z)], what it costs to say x when z is known.{trained}",
        ),
        Quantity(
            "rate",
            "Rate",
            "nats",
            "",
            "KL(q(z|x) || p(z)), how much z says about x; 0 means a collapsed posterior.",
        ),
        Quantity(
            "mse",
            "Mean squared error",
            "per dim",
            "lower",
            "Squared distance between x and its reconstruction, mean over the dimensions.",
        ),
        Quantity(
            "psnr",
            "Peak signal-to-noise ratio",
            "dB",
            "higher",
            "The mean squared error on a logarithmic scale, against a peak of 1.",
        ),
        Quantity(
            "active_units",
            "Active units",
            "dims",
            "",
            "Latent dimensions whose posterior mean varies with x (variance above 0.01).",
        ),
        Quantity(
            "scale_at_bound",
            "Scales at their bound",
            "share",
            "",
            "Scales of p(x|z) that only their lower bound holds up; above 0 the data is "
            "sharper than the score can see.",
        ),
    ]


def table(metrics: Mapping[str, float], fit: str = "") -> tuple[list[str], list[Line]]:
    """The columns (splits that have any of the known metrics) and the rows of the table.

    Every known metric has its row, with a dash where it was not measured; metrics of the
    validation and test splits that are not known here follow without an explanation.
    """
    known = quantities(fit)
    names = {quantity.key for quantity in known}
    split_of = {key: key.split("/", 1) for key in metrics if "/" in key}
    others = {rest for split, rest in split_of.values() if split in SPLITS[1:]} - names
    known += [Quantity(key, key, "", "", "") for key in sorted(others)]
    columns = [
        s for s in SPLITS if any(split == s and rest in names for split, rest in split_of.values())
    ]
    return columns, [
        Line(
            quantity,
            tuple(format_number(metrics.get(f"{split}/{quantity.key}")) for split in columns),
        )
        for quantity in known
    ]


def format_number(value: float | None) -> str:
    """Four significant digits or more, thousands apart; a dash for what is not there."""
    if value is None:
        return "–"  # noqa: RUF001 - a dash as typographers mean it
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}".replace("-", "\u2212")
    digits = 4 if abs(value) < 1 else 3 if abs(value) < 10 else 2 if abs(value) < 1000 else 0
    text = f"{value:,.{digits}f}" if abs(value) >= 1e-3 else f"{value:.2e}"
    return text.replace("-", "\u2212")
