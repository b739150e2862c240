"""Tabulate ``evaluation.json`` for the report; any part may be missing or broken."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from vael.metrics.catalog import METRICS, describe_metric
from vael.report.numbers import Line, format_number

BIG = 1e300
FACTOR_SCORES = [name.removeprefix("factors.") for name in METRICS if name.startswith("factors.")]


@dataclass(frozen=True)
class EvaluationSection:
    """What the page shows of an evaluation.

    Attributes:
        facts: what was evaluated.
        warnings: one sentence each.
        bounds: k, nll and bits with their standard errors, as text.
        groups: the rows of the other numbers, by the title of their table.
        command: that writes the file again.
    """

    facts: list[tuple[str, str]]
    warnings: list[str]
    bounds: list[tuple[str, str, str]]
    groups: dict[str, list[Line]]
    command: str


class Values:
    """The leaves of nested mappings by dotted path; what is not there or no number is None."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root

    def at(self, path: str) -> Any:
        """Return whatever is there."""
        found: Any = self.root
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return found

    def number(self, path: str) -> float | None:
        """Return a number, NaN included."""
        found = self.at(path)
        if isinstance(found, bool) or not isinstance(found, int | float):
            return None
        return float(found) if abs(found) < BIG or found != found else None

    def numbers(self, path: str) -> list[float]:
        """Return a list of finite numbers, or an empty one."""
        found = self.at(path)
        listed = found if isinstance(found, list) else []
        good = all(isinstance(v, int | float) and abs(v) < BIG for v in listed)
        return [float(v) for v in listed] if good else []

    def text(self, path: str) -> str:
        """Return a number or a text as text; nothing for what is neither."""
        found = self.number(path)
        if found is not None:
            return format_number(found)
        words = self.at(path)
        return words if isinstance(words, str) else ""

    def measured(self, path: str) -> str:
        """Return a number with its standard error ``PATH_se``, if it has one; else nothing."""
        value = self.number(path)
        return "" if value is None else format_with_error(value, self.number(f"{path}_se"))

    def row(self, path: str, more: str = "", value: str | None = None, **changes: Any) -> Line:
        """Return the row of a number, titled and explained by `vael.metrics.catalog`.

        Args:
            path: of the number.
            more: what the meaning of its metric ends in.
            value: as text; None: the number with its standard error.
            changes: what of the metric is otherwise here.
        """
        metric = describe_metric(path)
        meaning = f"{metric.meaning} {more}".strip()
        text = self.measured(path) if value is None else value
        return Line(replace(metric, meaning=meaning, **changes), (text,))


def tabulate_evaluation(evaluation: Mapping[str, Any]) -> EvaluationSection | None:
    """Return the section, or None where there is nothing to show."""
    v = Values(evaluation)
    facts = {
        "split": v.text("split"),
        "examples": v.text("num_examples"),
        "samples per example": v.text("samples"),
        "device": v.text("device"),
        "seconds": v.text("seconds"),
    }
    dash = format_number(None)
    bounds = [
        (
            format_number(k),
            v.measured(f"bounds.{name}.nll") or dash,
            v.measured(f"bounds.{name}.bpd") or dash,
        )
        for k, name in list_bounds(v)
    ]
    shown = {
        title: [line for line in lines if line.values != ("",)]
        for title, lines in _groups(v).items()
    }
    groups = {title: lines for title, lines in shown.items() if lines}
    if not bounds and not groups:
        return None
    warnings = v.at("warnings")
    return EvaluationSection(
        [(name, text) for name, text in facts.items() if text],
        [str(text) for text in warnings] if isinstance(warnings, list) else [],
        bounds,
        groups,
        v.text("command"),
    )


def list_bounds(v: Values) -> list[tuple[int, str]]:
    """Return the k of the bounds, in order, with their names in the file."""
    bounds = v.at("bounds")
    names = [str(name) for name in bounds] if isinstance(bounds, Mapping) else []
    return sorted((int(name), name) for name in names if name.isdecimal() and len(name) < 16)


def format_with_error(value: float, error: float | None) -> str:
    """Return a value to the second digit of its standard error, ``86.76 ± 0.12``."""
    if error is None or not (math.isfinite(value) and 0 < error < math.inf):
        return format_number(value)
    digits = min(9, max(0, 1 - math.floor(math.log10(error))))
    return f"{value:,.{digits}f} ± {error:,.{digits}f}".replace("-", "\u2212")


def _groups(v: Values) -> dict[str, list[Line]]:
    """Return every table with every row; the value of a row is empty where there is none."""
    median, least, few = v.text("ess.median"), v.text("ess.min"), v.number("ess.share_below_10")
    sharp = "" if few is None else f"Fewer than 10: {few:.0%} of the examples."
    effective = f"{median} (least {least})" if median else ""
    spectrum, aggregate = "latents.spectrum", "latents.aggregate"
    dims, active = v.at(f"{spectrum}.variance"), v.text(f"{spectrum}.active_units")
    units = f"{active} of {len(dims)}" if active and isinstance(dims, list) else active
    held = v.at("latents.layers")
    layers = [f"latents.layers.{name}" for name in held] if isinstance(held, Mapping) else []
    if layers:  # the spectrum is of the top one alone
        active_of = (v.number(path) or 0 for path in layers if "active_units" in path)
        units = format_number(sum(active_of))
    remainder = v.number(f"{spectrum}.remainder")
    correlation = "" if remainder is None or abs(remainder) <= 1e-3 else format_number(remainder)
    draws = (
        f"{v.text(f'{aggregate}.examples')} examples, {v.text(f'{aggregate}.samples')} draws of "
        f"z each; log N = {v.text(f'{aggregate}.log_examples')}."
    )
    nats = "nats, saturated" if v.at(f"{aggregate}.saturated") is True else "nats"
    r, f, k, i = (f"quality.{name}" for name in ("reconstruction", "frechet", "kid", "inception"))
    size, absent = v.text(f"{f}.examples"), v.text(i)
    about = f"On {v.text(f'{f}.features')}; {size} against {size} examples."
    near = f"The {v.text('quality.prdc.neighbours')} nearest neighbours are in reach."
    if absent:
        inception = [v.row(i, absent.removeprefix("not available: "), "not available", better="")]
    else:
        inception = [
            v.row(f"{i}.{kind}.distance", f"Data to data: {v.text(f'{i}.{kind}.floor')}.")
            for kind in ("frechet", "kid")
        ]
    settings = v.at("against.settings")
    against = " ".join(map(str, settings)) if isinstance(settings, list) else ""
    pairs = f"{v.text('against.examples')} examples of {against}."
    chance = f"By chance: {v.text('against.chance')}."
    fitted = f"Fitted to {v.text('probe.train_examples')} training examples."
    return {
        "Bound and its parts": [
            v.row("scores.elbo", "Of the trained fit."),
            v.row("scores.rate"),
            v.row("scores.distortion", "Of the trained fit."),
            v.row("scores.gap"),
            v.row("scores.overfitting_gap"),
            v.row("ess", sharp, effective, unit=f"of {v.text('samples')}"),
            v.row("jackknife.nll"),
            v.row("jackknife.bias"),
        ],
        "Latents": [
            v.row("active_units", value=units),
            *map(v.row, layers),
            v.row(f"{aggregate}.mutual_information", draws, unit=nats),
            v.row(f"{aggregate}.marginal_kl"),
            v.row(f"{aggregate}.total_correlation"),
            v.row(f"{aggregate}.dimension_wise_kl"),
            v.row(f"{spectrum}.remainder", value=correlation),
        ],
        "Codes": [
            v.row("latents.codes.code_usage", f"{v.text('latents.codes.codebook_size')} in all."),
            v.row("latents.codes.code_perplexity"),
            v.row("latents.codes.rate_uniform"),
            v.row("latents.codes.bpd_uniform"),
        ],
        "Reconstructions and samples": [
            v.row(f"{r}.mse"),
            v.row(f"{r}.psnr"),
            v.row(f"{r}.ssim", f"The window is {v.text(f'{r}.ssim_window')}."),
            v.row(f"{f}.distance", about),
            v.row(f"{f}.distance_of_means"),
            v.row(f"{f}.floor"),
            v.row(f"{k}.distance", f"Data to data: {v.text(f'{k}.floor')}."),
            v.row(f"{k}.distance_of_means"),
            *(
                v.row(
                    f"quality.prdc.{part}",
                    f"{near if part == 'precision' else ''} Data to "
                    f"data: {v.text(f'quality.prdc.{part}_floor')}.".strip(),
                )
                for part in ("precision", "recall", "density", "coverage")
            ),
            *inception,
        ],
        "Missing values": [
            v.row(
                "imputation.rmse",
                f"{v.text('imputation.cells')} observed cells hidden, "
                f"{v.text('imputation.samples')} samples.",
            ),
            v.row("imputation.mean_rmse"),
            v.row("imputation.accuracy"),
            v.row("imputation.mode_accuracy"),
            v.row("imputation.log_likelihood"),
            v.row("imputation.mean_log_likelihood"),
        ],
        "Is it one of mine?": [
            v.row(f"against.{name}.{part}", pairs if part == "auroc" else chance)
            for name in ("bound", "rate", "distortion", "typicality")
            for part in ("auroc", "average_precision")
        ],
        "Labels from latent means": [
            v.row("probe.linear", fitted),
            v.row("probe.knn", f"{v.text('probe.neighbours')} nearest."),
            v.row("probe.majority"),
        ],
        "Known factors from latent means": [v.row(f"factors.{name}") for name in FACTOR_SCORES],
    }
