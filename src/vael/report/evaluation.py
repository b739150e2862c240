"""Tabulate ``evaluation.json`` for the report; any part may be missing or broken."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from vael.metrics.catalog import METRICS
from vael.report.numbers import Line, format_number

BIG = 1e300


@dataclass(frozen=True)
class ScoreGroup:
    """A table of single numbers."""

    title: str
    lines: list[Line]


@dataclass(frozen=True)
class EvaluationSection:
    """What the page shows of an evaluation.

    Attributes:
        facts: what was evaluated.
        warnings: one sentence each.
        bounds: k, nll and bits with their standard errors, as text.
        groups: the other numbers.
        command: that writes the file again.
    """

    facts: list[tuple[str, str]]
    warnings: list[str]
    bounds: list[tuple[str, str, str]]
    groups: list[ScoreGroup]
    command: str


class Values:
    """The leaves of nested mappings by dotted path; what is not there or no number is None."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root

    def at(self, path: str) -> Any:
        """Whatever is there."""
        found: Any = self.root
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return found

    def number(self, path: str) -> float | None:
        """A number, NaN included."""
        found = self.at(path)
        if isinstance(found, bool) or not isinstance(found, int | float):
            return None
        return float(found) if abs(found) < BIG or found != found else None

    def numbers(self, path: str) -> list[float]:
        """A list of finite numbers, or an empty one."""
        found = self.at(path)
        listed = found if isinstance(found, list) else []
        good = all(isinstance(v, int | float) and abs(v) < BIG for v in listed)
        return [float(v) for v in listed] if good else []

    def text(self, path: str) -> str:
        """A number or a text as text; nothing for what is neither."""
        found = self.number(path)
        if found is not None:
            return format_number(found)
        words = self.at(path)
        return words if isinstance(words, str) else ""

    def measured(self, path: str) -> str:
        """A number with the standard error beside it, ``PATH_se``, if there is one."""
        return format_with_error(self.number(path), self.number(f"{path}_se"))


def tabulate_evaluation(evaluation: Mapping[str, Any]) -> EvaluationSection | None:
    """The section, or None where there is nothing to show."""
    v = Values(evaluation)
    warnings = v.at("warnings")
    facts = [
        ("split", v.text("split")),
        ("examples", v.text("num_examples")),
        ("samples per example", v.text("samples")),
        ("device", v.text("device")),
        ("seconds", v.text("seconds")),
    ]
    bounds = [
        (format_number(k), v.measured(f"bounds.{name}.nll"), v.measured(f"bounds.{name}.bpd"))
        for k, name in list_bounds(v)
    ]
    groups = [g for g in (_scores(v), _latents(v), _quality(v), _probe(v)) if g.lines]
    if not bounds and not groups:
        return None
    return EvaluationSection(
        facts=[(name, text) for name, text in facts if text],
        warnings=[str(text) for text in warnings] if isinstance(warnings, list) else [],
        bounds=bounds,
        groups=groups,
        command=v.text("command"),
    )


def list_bounds(v: Values) -> list[tuple[int, str]]:
    """The k of the bounds, in order, with their names in the file."""
    bounds = v.at("bounds")
    names = [str(name) for name in bounds] if isinstance(bounds, Mapping) else []
    return sorted((int(name), name) for name in names if name.isdecimal() and len(name) < 16)


def format_with_error(value: float | None, error: float | None) -> str:
    """A value to the second digit of its standard error, ``86.76 ± 0.12``."""
    if value is None or error is None or not (math.isfinite(value) and 0 < error < math.inf):
        return format_number(value)
    digits = min(9, max(0, 1 - math.floor(math.log10(error))))
    return f"{value:,.{digits}f} ± {error:,.{digits}f}".replace("-", "\u2212")


def _row(name: str, value: str, more: str = "", **changes: Any) -> list[Line]:
    """The row of a metric, or nothing where there is no value.

    Args:
        name: of the metric.
        value: as text.
        more: what its meaning ends in.
        changes: what of the metric is otherwise here.
    """
    if value in ("", format_number(None)):
        return []
    metric = METRICS[name]
    return [Line(replace(metric, meaning=f"{metric.meaning} {more}".strip(), **changes), (value,))]


def _scores(v: Values) -> ScoreGroup:
    median, least, k = v.text("ess.median"), v.text("ess.min"), v.text("samples")
    few = v.number("ess.share_below_10")
    sharp = "" if few is None else f"Fewer than 10: {few:.0%} of the examples."
    effective = f"{median} (least {least})" if median else ""
    return ScoreGroup(
        "Bound and its parts",
        [
            *_row("elbo", v.text("scores.elbo"), "Of the trained fit."),
            *_row("rate", v.text("scores.rate")),
            *_row("distortion", v.text("scores.distortion"), "Of the trained fit."),
            *_row("gap", v.text("scores.gap")),
            *_row("overfitting_gap", v.measured("scores.overfitting_gap")),
            *_row("ess", effective, sharp, unit=f"of {k}"),
            *_row("jackknife.nll", v.measured("jackknife.nll")),
            *_row("jackknife.bias", v.measured("jackknife.bias")),
        ],
    )


def _latents(v: Values) -> ScoreGroup:
    spectrum, aggregate = "latents.spectrum", "latents.aggregate"
    dims = v.at(f"{spectrum}.variance")
    active = v.text(f"{spectrum}.active_units")
    of = f" of {len(dims)}" if isinstance(dims, list) else ""
    size = (
        f"{v.text(f'{aggregate}.examples')} examples, {v.text(f'{aggregate}.samples')} draws of "
        f"z each; log N = {v.text(f'{aggregate}.log_examples')}."
    )
    full = v.at(f"{aggregate}.saturated") is True
    information, remainder = f"{aggregate}.mutual_information", f"{spectrum}.remainder"
    total = v.number(remainder)
    correlated = total is not None and abs(total) > 1e-3
    return ScoreGroup(
        "Latents",
        [
            *_row("active_units", f"{active}{of}" if active else ""),
            *_row(
                information,
                v.measured(information),
                size,
                unit="nats, saturated" if full else "nats",
            ),
            *_row(f"{aggregate}.marginal_kl", v.measured(f"{aggregate}.marginal_kl")),
            *_row(remainder, format_number(total) if correlated else ""),
        ],
    )


def _quality(v: Values) -> ScoreGroup:
    r, f, i = "quality.reconstruction", "quality.frechet", "quality.inception"
    size = v.text(f"{f}.examples")
    about = f"On {v.text(f'{f}.features')}; {size} against {size} examples."
    absent = v.text(i)
    return ScoreGroup(
        "Reconstructions and samples",
        [
            *_row("mse", v.measured(f"{r}.mse")),
            *_row("psnr", v.text(f"{r}.psnr")),
            *_row(
                f"{r}.ssim",
                v.measured(f"{r}.ssim"),
                f"The window is {v.text(f'{r}.ssim_window')}.",
            ),
            *_row(f"{f}.distance", v.text(f"{f}.distance"), about),
            *_row(f"{f}.distance_of_means", v.text(f"{f}.distance_of_means")),
            *_row(f"{f}.floor", v.text(f"{f}.floor")),
            *(
                _row(i, "not available", absent.removeprefix("not available: "), better="")
                if absent
                else _row(i, v.text(f"{i}.distance"), f"Data to data: {v.text(f'{i}.floor')}.")
            ),
        ],
    )


def _probe(v: Values) -> ScoreGroup:
    fitted = f"Fitted to {v.text('probe.train_examples')} training examples."
    return ScoreGroup(
        "Labels from latent means",
        [
            *_row("probe.linear", v.measured("probe.linear"), fitted),
            *_row("probe.knn", v.measured("probe.knn"), f"{v.text('probe.neighbours')} nearest."),
            *_row("probe.majority", v.text("probe.majority")),
        ],
    )
