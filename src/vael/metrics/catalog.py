"""Describe every metric once: its name, title, unit, direction and meaning; imports no torch."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

Direction = Literal["minimize", "maximize"]

ACTIVE_THRESHOLD = 1e-2  # Burda et al. 2016, Section 5.2: Var_x(E_q[z]) > 0.01
AT_BOUND = 0.01  # share of the scales of p(x|z) from which on it is said


@dataclass(frozen=True)
class Metric:
    """A number as a reader meets it.

    Attributes:
        name: behind the split, as in ``test/bpd``; of what only evaluation.json holds, its path.
        title: what it is called.
        unit: of the number.
        meaning: one or two sentences.
        better: ``lower``, ``higher`` or nothing, where neither is a merit by itself.
        search: which way a sweep goes by default; None where no epoch publishes the score.
        sampled: whether it is estimated with k importance samples.
        of_fit: whether it is of the trained fit: not one quantity for a mass and a density.
        formula: how it comes about, in short, with ``{split}`` for the split.
    """

    name: str
    title: str
    unit: str = ""
    meaning: str = ""
    better: Literal["lower", "higher", ""] = ""
    search: Direction | None = None
    sampled: bool = False
    of_fit: bool = False
    formula: str = ""


_SCORES = (  # that training publishes as val/* and test/*, the most important first
    Metric(
        "bpd",
        "Bits per dimension",
        "bits/dim",
        "Cost of coding the discrete data, an upper bound from k importance samples. The "
        "one number that likelihoods, betas and latent sizes compare by, at equal k.",
        better="lower",
        search="minimize",
        sampled=True,
    ),
    Metric(
        "elbo",
        "ELBO",
        "nats",
        "Lower bound on log p(x): minus distortion minus rate.",
        better="higher",
        search="maximize",
        of_fit=True,
    ),
    Metric(
        "iwae",
        "IWAE bound",
        "nats",
        "Tighter lower bound on log p(x), from k importance samples.",
        better="higher",
        search="maximize",
        sampled=True,
        of_fit=True,
    ),
    Metric(
        "distortion",
        "Distortion",
        "nats",
        "\u2212E[log p(x|z)], what it costs to say x when z is known.",
        better="lower",
        search="minimize",
        of_fit=True,
    ),
    Metric(
        "rate",
        "Rate",
        "nats",
        "KL(q(z|x) || p(z)), how much z says about x; 0 means a collapsed posterior.",
        search="minimize",
    ),
    Metric(
        "mse",
        "Mean squared error",
        "per dim",
        "Squared distance between x and E[x|z] at one z ~ q(z|x), mean over the dimensions.",
        better="lower",
        search="minimize",
    ),
    Metric(
        "psnr",
        "Peak signal-to-noise ratio",
        "dB",
        "The mean squared error on a logarithmic scale, against a peak of 1.",
        better="higher",
        search="maximize",
    ),
    Metric(
        "active_units",
        "Active units",
        "latent dimensions",
        f"Those whose posterior mean varies with x: Var[E[z|x]] above {ACTIVE_THRESHOLD} "
        "(Burda et al. 2016).",
        search="maximize",
    ),
    Metric(
        "scale_at_bound",
        "Scales at their bound",
        "share",
        "Scales of p(x|z) that only their lower bound holds up; above 0 the data is "
        "sharper than the score can see.",
        search="minimize",
    ),
)

_TRAINING = (  # beside the scores, as train/*
    Metric("loss", "Training loss", "nats", "What is minimised, mean over the epoch."),
    Metric("step_loss", "Loss of a step", "nats", "What is minimised, on one batch."),
    Metric("beta", "Beta", "", "Weight of the rate in the loss."),
    Metric("beta_norm", "Normalised beta", "", "Beta times latent over data dimensions."),
    Metric("lr", "Learning rate", "", "Of the first group of parameters."),
    Metric("grad_norm", "Norm of the gradient", "", "Over all parameters, before the step."),
    Metric("examples_per_second", "Speed", "examples/s", "Over all devices."),
)

_EVALUATION = (  # in evaluation.json alone
    Metric(
        "nll",
        "Negative log-likelihood",
        "nats",
        "Upper bound on \u2212log p(x), from k importance samples.",
        better="lower",
        sampled=True,
        of_fit=True,
    ),
    Metric(
        "gap",
        "Gap",
        "nats",
        "The bound of the most samples less the ELBO: what the posterior's family costs, at "
        "least.",
        of_fit=True,
        formula="bound - elbo",
    ),
    Metric(
        "overfitting_gap",
        "Overfitting gap",
        "nats",
        "How many nats more these examples cost than as many training examples do.",
        better="lower",
        formula="train - {split}",
    ),
    Metric(
        "ess",
        "Effective samples",
        "samples",
        "How many equal weights the weights are worth, median over the examples; few make the "
        "bound loose.",
        better="higher",
    ),
    Metric(
        "jackknife.nll",
        "Jackknife",
        "nats",
        "An estimate of the negative log-likelihood, with the bias of order 1/k removed. "
        "It is no bound, so nothing is ranked by it.",
    ),
    Metric(
        "jackknife.bias",
        "\u2026 bias left",
        "nats",
        "The same estimate of how far the bound of the most samples lies above it.",
    ),
    Metric(
        "latents.spectrum.kl",
        "KL to the prior",
        "nats",
        "The rate by latent dimension, mean over the examples.",
    ),
    Metric(
        "latents.spectrum.variance",
        "Variance of the posterior mean",
        "variance",
        "Var[E[z|x]] by latent dimension.",
    ),
    Metric(
        "latents.spectrum.remainder",
        "Correlation in q(z|x)",
        "nats",
        "The part of the rate that no single dimension has: its mean total correlation.",
    ),
    Metric(
        "latents.aggregate.mutual_information",
        "Mutual information",
        "nats",
        "I(x;z) = E[log q(z|x) \u2212 log q(z)], q(z) the mixture over the same examples "
        "(Hoffman and Johnson 2016). At most the log of their number: a lower bound.",
    ),
    Metric(
        "latents.aggregate.marginal_kl",
        "KL(q(z) || p(z))",
        "nats",
        "How far all posteriors together are from the prior, by the same draws: the rate "
        "is the sum of the two. An upper bound.",
        better="lower",
    ),
    Metric(
        "quality.reconstruction.ssim",
        "Structural similarity",
        "at most 1",
        "Whether local means, contrasts and patterns agree.",
        better="higher",
    ),
    Metric(
        "quality.frechet.distance",
        "Fr\u00e9chet distance",
        "squared x",
        "Samples x ~ p(x|z), z ~ p(z) to data.",
        better="lower",
    ),
    Metric(
        "quality.frechet.distance_of_means",
        "\u2026 of means",
        "squared x",
        "E[x|z] at the same z, which are often shown as samples, to data.",
        better="lower",
    ),
    Metric(
        "quality.frechet.floor",
        "\u2026 of data to data",
        "squared x",
        "Half of the data to the other half: what a perfect model would get.",
    ),
    Metric(
        "quality.inception",
        "Fr\u00e9chet Inception distance",
        "",
        "Samples to data, on the pool features of Inception-v3.",
        better="lower",
    ),
    Metric(
        "probe.linear",
        "Linear probe",
        "accuracy",
        "Logistic regression on the standardised means, scored on this split.",
        better="higher",
    ),
    Metric(
        "probe.knn",
        "Nearest neighbours",
        "accuracy",
        "Vote of the nearest of the same means.",
        better="higher",
    ),
    Metric(
        "probe.majority",
        "Majority class",
        "accuracy",
        "What always naming the most frequent class gets.",
    ),
)

METRICS = {metric.name: metric for metric in (*_SCORES, *_TRAINING, *_EVALUATION)}


def find_metric(name: str) -> Metric | None:
    """The row of ``bpd``, ``test/bpd``, ``bounds.100.bpd_se`` or ``quality.frechet.floor``.

    What has no row of its own is described by that of what holds it; None for other names.
    """
    path = name.rpartition("/")[2].removesuffix("_se")
    if path in METRICS:
        return METRICS[path]
    holders = [path.rsplit(".", n)[0] for n in range(1, path.count(".") + 1)]
    return next((METRICS[p] for p in (path.rpartition(".")[2], *holders) if p in METRICS), None)


def describe_metric(name: str) -> Metric:
    """The row of a metric, or one that has but the name."""
    return find_metric(name) or Metric(name, name)


def published_scores(fit: str = "") -> list[Metric]:
    """What training publishes as val/* and test/*, the most important first.

    Args:
        fit: ``mass`` or ``density``, which is then named in the meaning of what is of the fit.
    """
    return [name_fit(metric, fit) for metric in _SCORES]


def name_fit(metric: Metric, fit: str) -> Metric:
    """The row with its fit named, if it hangs on the fit and that is known."""
    if not (fit and metric.of_fit):
        return metric
    return replace(metric, meaning=f"{metric.meaning} Of the trained fit ({fit}).")


@dataclass(frozen=True)
class Target:
    """The score that checkpoints, early stopping and sweeps use."""

    name: str

    @classmethod
    def of(cls, levels: int | None) -> "Target":
        """``val/bpd`` where the data has levels, else ``val/elbo``."""
        return cls("val/elbo" if levels is None else "val/bpd")

    @property
    def mode(self) -> Literal["min", "max"]:
        """Which way it is better."""
        return "min" if describe_metric(self.name).search == "minimize" else "max"

    def best(self, rows: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
        """The row with the best score, the first of equals."""
        sign = 1 if self.mode == "min" else -1
        return min(rows, key=lambda row: sign * row[self.name])
