"""What ``evaluation.json`` says, as tables of the report; any part may be missing or broken."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vael.report.numbers import Line, Quantity, format_number

BIG = 1e300


@dataclass(frozen=True)
class Group:
    """A table of single numbers."""

    title: str
    lines: list[Line]


@dataclass(frozen=True)
class Section:
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
    groups: list[Group]
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
        return with_error(self.number(path), self.number(f"{path}_se"))


def section(evaluation: Mapping[str, Any]) -> Section | None:
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
        for k, name in bound_names(v)
    ]
    groups = [g for g in (_scores(v), _latents(v), _quality(v), _probe(v)) if g.lines]
    if not bounds and not groups:
        return None
    return Section(
        facts=[(name, text) for name, text in facts if text],
        warnings=[str(text) for text in warnings] if isinstance(warnings, list) else [],
        bounds=bounds,
        groups=groups,
        command=v.text("command"),
    )


def bound_names(v: Values) -> list[tuple[int, str]]:
    """The k of the bounds, in order, with their names in the file."""
    bounds = v.at("bounds")
    names = [str(name) for name in bounds] if isinstance(bounds, Mapping) else []
    return sorted((int(name), name) for name in names if name.isdecimal() and len(name) < 16)


def with_error(value: float | None, error: float | None) -> str:
    """A value to the second digit of its standard error, ``86.76 ± 0.12``."""
    if value is None or error is None or not (math.isfinite(value) and 0 < error < math.inf):
        return format_number(value)
    digits = min(9, max(0, 1 - math.floor(math.log10(error))))
    return f"{value:,.{digits}f} ± {error:,.{digits}f}".replace("-", "\u2212")


def _row(name: str, value: str, unit: str, better: str, meaning: str) -> list[Line]:
    """A row, or nothing where there is no value."""
    shown = value not in ("", format_number(None))
    return [Line(Quantity("", name, unit, better, meaning), (value,))] if shown else []


def _scores(v: Values) -> Group:
    median, least, k = v.text("ess.median"), v.text("ess.min"), v.text("samples")
    few = v.number("ess.share_below_10")
    return Group(
        "Bound and its parts",
        [
            *_row(
                "ELBO",
                v.text("scores.elbo"),
                "nats",
                "higher",
                "Minus distortion minus rate, of the trained fit.",
            ),
            *_row("Rate", v.text("scores.rate"), "nats", "", "KL(q(z|x) || p(z))."),
            *_row(
                "Distortion",
                v.text("scores.distortion"),
                "nats",
                "lower",
                "\u2212E[log p(x|z)] over q(z|x).",
            ),
            *_row(
                "Gap",
                v.text("scores.gap"),
                "nats",
                "lower",
                "The bound of the most samples less the ELBO: what the posterior's family costs, "
                "at least.",
            ),
            *_row(
                "Overfitting gap",
                v.measured("scores.overfitting_gap"),
                "nats",
                "lower",
                "How many nats more these examples cost than as many training examples do.",
            ),
            *_row(
                "Effective samples",
                f"{median} (least {least})" if median else "",
                f"of {k}",
                "higher",
                "How many equal weights the weights are worth, median over the examples; "
                "few make the bound loose."
                + (f" Fewer than 10: {few:.0%} of the examples." if few is not None else ""),
            ),
            *_row(
                "Jackknife",
                v.measured("jackknife.nll"),
                "nats",
                "",
                "An estimate of the negative log-likelihood, with the bias of order 1/k removed. "
                "It is no bound, so nothing is ranked by it.",
            ),
            *_row(
                "\u2026 bias left",
                v.measured("jackknife.bias"),
                "nats",
                "",
                f"The same estimate of how far the bound of {k} samples lies above it.",
            ),
        ],
    )


def _latents(v: Values) -> Group:
    dims = v.at("latents.spectrum.variance")
    active = v.text("latents.spectrum.active_units")
    threshold = v.number("latents.spectrum.threshold")
    of = f" of {len(dims)}" if isinstance(dims, list) else ""
    at = "latents.aggregate"
    size = f"{v.text(f'{at}.examples')} examples, {v.text(f'{at}.samples')} draws of z each"
    ceiling = v.text(f"{at}.log_examples")
    full = v.at(f"{at}.saturated") is True
    information = v.measured(f"{at}.mutual_information")
    remainder = v.number("latents.spectrum.remainder")
    correlated = remainder is not None and abs(remainder) > 1e-3
    return Group(
        "Latents",
        [
            *_row(
                "Active units",
                f"{active}{of}" if active else "",
                "dims",
                "",
                f"Latent dimensions with Var[E[z|x]] above {threshold} (Burda et al. 2016).",
            ),
            *_row(
                "Mutual information",
                information,
                "nats, saturated" if full else "nats",
                "",
                "I(x;z) = E[log q(z|x) \u2212 log q(z)], q(z) the mixture over the same "
                f"{size} (Hoffman and Johnson 2016). At most log N = {ceiling}: a lower bound.",
            ),
            *_row(
                "KL(q(z) || p(z))",
                v.measured(f"{at}.marginal_kl"),
                "nats",
                "lower",
                "How far all posteriors together are from the prior, by the same draws: the rate "
                "is the sum of the two. An upper bound.",
            ),
            *_row(
                "Correlation in q(z|x)",
                format_number(remainder) if correlated else "",
                "nats",
                "",
                "The part of the rate that no single dimension has: its mean total correlation.",
            ),
        ],
    )


def _quality(v: Values) -> Group:
    r, f, i = "quality.reconstruction", "quality.frechet", "quality.inception"
    window = v.text(f"{r}.ssim_window")
    sizes = f"{v.text(f'{f}.examples')} against {v.text(f'{f}.examples')} examples"
    absent = v.text(i)
    return Group(
        "Reconstructions and samples",
        [
            *_row(
                "Mean squared error",
                v.measured(f"{r}.mse"),
                "per dim",
                "lower",
                "Between x and E[x|z] at one z ~ q(z|x).",
            ),
            *_row(
                "Peak signal-to-noise ratio",
                v.text(f"{r}.psnr"),
                "dB",
                "higher",
                "The same on a logarithmic scale, against a peak of 1.",
            ),
            *_row(
                "Structural similarity",
                v.measured(f"{r}.ssim"),
                "at most 1",
                "higher",
                f"Whether local means, contrasts and patterns agree; the window is {window}.",
            ),
            *_row(
                "Fréchet distance",
                v.text(f"{f}.distance"),
                "squared x",
                "lower",
                f"Samples x ~ p(x|z), z ~ p(z) to data, on {v.text(f'{f}.features')}; {sizes}.",
            ),
            *_row(
                "\u2026 of means",
                v.text(f"{f}.distance_of_means"),
                "squared x",
                "lower",
                "E[x|z] at the same z, which are often shown as samples, to data.",
            ),
            *_row(
                "\u2026 of data to data",
                v.text(f"{f}.floor"),
                "squared x",
                "",
                "Half of the data to the other half: what a perfect model would get.",
            ),
            *_row(
                "Fréchet Inception distance",
                "not available" if absent else v.text(f"{i}.distance"),
                "",
                "" if absent else "lower",
                absent.removeprefix("not available: ")
                or f"On {v.text(f'{i}.features')}; data to data: {v.text(f'{i}.floor')}.",
            ),
        ],
    )


def _probe(v: Values) -> Group:
    sizes = f"{v.text('probe.train_examples')} training examples"
    return Group(
        "Labels from latent means",
        [
            *_row(
                "Linear probe",
                v.measured("probe.linear"),
                "accuracy",
                "higher",
                f"Logistic regression on the standardised means of {sizes}, scored on this split.",
            ),
            *_row(
                "Nearest neighbours",
                v.measured("probe.knn"),
                "accuracy",
                "higher",
                f"Vote of the {v.text('probe.neighbours')} nearest of the same means.",
            ),
            *_row(
                "Majority class",
                v.text("probe.majority"),
                "accuracy",
                "",
                "What always naming the most frequent class gets.",
            ),
        ],
    )
