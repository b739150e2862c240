"""Describe every metric once: its name, title, unit, direction and meaning; imports no torch."""

import re
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
        better: ``lower``, ``higher`` or nothing, where neither is a merit by itself.
        meaning: one or two sentences.
        search: which way a sweep goes by default; None where no epoch publishes the score.
        sampled: whether it is estimated with k importance samples.
        of_fit: whether it is of the trained fit: not one quantity for a mass and a density.
        formula: how it comes about, in short, with ``{split}`` for the split.
    """

    name: str
    title: str
    unit: str = ""
    better: Literal["lower", "higher", ""] = ""
    meaning: str = ""
    search: Direction | None = None
    sampled: bool = False
    of_fit: bool = False
    formula: str = ""


# fmt: off
_SCORES = (  # that training publishes as val/* and test/*, the most important first
    Metric("bpd", "Bits per dimension", "bits/dim", "lower", search="minimize", sampled=True,
           meaning="Cost of coding the discrete data, an upper bound from k importance "
                   "samples. The one number that likelihoods, betas and latent sizes compare "
                   "by, at equal k."),
    Metric("elbo", "ELBO", "nats", "higher", search="maximize", of_fit=True,
           meaning="Lower bound on log p(x): minus distortion minus rate."),
    Metric("elbo_per_dim", "ELBO per observed dimension", "nats/dim", "higher", search="maximize",
           of_fit=True,
           meaning="The ELBO of all examples, divided by the number of their observed values; "
                   "there only with data.missing=mask."),
    Metric("iwae", "IWAE bound", "nats", "higher", search="maximize", sampled=True, of_fit=True,
           meaning="Tighter lower bound on log p(x), from k importance samples."),
    Metric("distortion", "Distortion", "nats", "lower", search="minimize", of_fit=True,
           meaning="\u2212E[log p(x|z)], what it costs to say x when z is known."),
    Metric("rate", "Rate", "nats", search="minimize",
           meaning="KL(q(z|x) || p(z)), how much z says about x; 0 means a collapsed posterior."),
    Metric("mse", "Mean squared error", "per dim", "lower", search="minimize",
           meaning="Squared distance between x and E[x|z] at one z ~ q(z|x), mean over the "
                   "dimensions."),
    Metric("psnr", "Peak signal-to-noise ratio", "dB", "higher", search="maximize",
           meaning="The mean squared error on a logarithmic scale, against a peak of 1."),
    Metric("active_units", "Active units", "latent dimensions", search="maximize",
           meaning="Those whose posterior mean varies with x: Var[E[z|x]] above "
                   f"{ACTIVE_THRESHOLD} (Burda et al. 2016)."),
    Metric("code_usage", "Codes in use", "share", "higher", search="maximize",
           meaning="Of the codes of discrete latents, those that occur in this split."),
    Metric("code_perplexity", "Perplexity of the codes", "codes", "higher", search="maximize",
           meaning="exp of the entropy of all codes of the split: as many, used alike, would "
                   "say as much. At most the size of the codebook."),
    Metric("scale_at_bound", "Scales at their bound", "share", search="minimize",
           meaning="Scales of p(x|z) that only their lower bound holds up; above 0 the data is "
                   "sharper than the score can see."),
)
_COSTS = (  # of a run, which summary.json has beside its scores
    Metric("seconds", "Training time", "s", "lower", search="minimize",
           meaning="Of all attempts together; it hangs on the machine and on what else it does."),
    Metric("parameters", "Parameters", "", "lower", search="minimize",
           meaning="Trainable numbers of the model."),
)
_TRAINING = (  # beside the scores, as train/*
    Metric("loss", "Training loss", "nats", meaning="What is minimised, mean over the epoch."),
    Metric("step_loss", "Loss of a step", "nats", meaning="What is minimised, on one batch."),
    Metric("commitment", "Commitment", "nats", meaning="What a codebook adds to the loss."),
    Metric("beta", "Beta", "", meaning="Weight of the rate in the loss."),
    Metric("beta_norm", "Normalised beta", "", meaning="Beta times latent over data dimensions."),
    Metric("lr", "Learning rate", "", meaning="Of the first group of parameters."),
    Metric("grad_norm", "Norm of the gradient", "",
           meaning="Over all parameters, before the step."),
    Metric("examples_per_second", "Speed", "examples/s", meaning="Over all devices."),
)
_EVALUATION = (  # in evaluation.json alone
    Metric("nll", "Negative log-likelihood", "nats", "lower", sampled=True, of_fit=True,
           meaning="Upper bound on \u2212log p(x), from k importance samples."),
    Metric("gap", "Gap", "nats", "lower", of_fit=True, formula="bound - elbo",
           meaning="The bound of the most samples less the ELBO: what the posterior's family "
                   "costs, at least."),
    Metric("overfitting_gap", "Overfitting gap", "nats", "lower", formula="train - {split}",
           meaning="How many nats more these examples cost than as many training examples do."),
    Metric("ess", "Effective samples", "samples", "higher",
           meaning="How many equal weights the weights are worth, median over the examples; "
                   "few make the bound loose."),
    Metric("jackknife.nll", "Jackknife", "nats",
           meaning="An estimate of the negative log-likelihood, with the bias of order 1/k "
                   "removed. It is no bound, so nothing is ranked by it."),
    Metric("jackknife.bias", "\u2026 bias left", "nats",
           meaning="The same estimate of how far the bound of the most samples lies above it."),
    Metric("latents.spectrum.kl", "KL to the prior", "nats",
           meaning="The rate by latent dimension, mean over the examples."),
    Metric("latents.spectrum.variance", "Variance of the posterior mean", "variance",
           meaning="Var[E[z|x]] by latent dimension."),
    Metric("latents.spectrum.remainder", "Correlation in q(z|x)", "nats",
           meaning="The part of the rate that no single dimension has: its mean total "
                   "correlation."),
    Metric("latents.aggregate.mutual_information", "Mutual information", "nats",
           meaning="I(x;z) = E[log q(z|x) \u2212 log q(z)], q(z) the mixture over the same "
                   "examples (Hoffman and Johnson 2016). At most the log of their number: a "
                   "lower bound."),
    Metric("latents.aggregate.marginal_kl", "KL(q(z) || p(z))", "nats", "lower",
           meaning="How far all posteriors together are from the prior, by the same draws: the "
                   "rate is the sum of the two. An upper bound."),
    Metric("latents.aggregate.total_correlation", "Total correlation", "nats",
           meaning="KL(q(z) || product of the q(z_j)): how far the dimensions are from "
                   "independent (Chen et al. 2018). Too large near the ceiling log N."),
    Metric("latents.aggregate.dimension_wise_kl", "Dimension-wise KL", "nats",
           meaning="Sum of KL(q(z_j) || p(z_j)), what is left of KL(q(z) || p(z))."),
    *(Metric(f"against.{name}.{part}", title, "at most 1", meaning=meaning)
      for name, what in (
          ("bound", "the bound on \u2212log p(x)"),
          ("rate", "the rate"),
          ("distortion", "the distortion"),
          ("typicality", "the distance of the bound to its mean over training examples"),
      )
      for part, title, meaning in (
          ("auroc", f"{name.capitalize()}: AUROC",
           f"How often {what} is higher for an example of other data than for one of this; 0.5 "
           "tells nothing."),
          ("average_precision", f"{name.capitalize()}: average precision",
           "Share of the other data among what is above a threshold, mean over its recall."),
      )),
    Metric("latents.codes.rate_uniform", "Rate, codes all alike", "nats",
           meaning="M log K: the length of M codes of K where nothing is known of them."),
    Metric("latents.codes.bpd_uniform", "Bits per dimension, codes all alike", "bits/dim", "lower",
           meaning="The bound with that rate: what the prior saves is the difference."),
    Metric("quality.reconstruction.ssim", "Structural similarity", "at most 1", "higher",
           meaning="Whether local means, contrasts and patterns agree."),
    Metric("quality.frechet.distance", "Fr\u00e9chet distance", "squared x", "lower",
           meaning="Samples x ~ p(x|z), z ~ p(z) to data."),
    Metric("quality.frechet.distance_of_means", "\u2026 of means", "squared x", "lower",
           meaning="E[x|z] at the same z, which are often shown as samples, to data."),
    Metric("quality.frechet.floor", "\u2026 of data to data", "squared x",
           meaning="Half of the data to the other half: what a perfect model would get."),
    Metric("quality.kid.distance", "Kernel distance (KID)", "", "lower",
           meaning="Samples to data by a cubic kernel, without bias: 0 for a perfect model, but "
                   "for chance (Bi\u0144kowski et al. 2018)."),
    Metric("quality.kid.distance_of_means", "KID of means", "", "lower",
           meaning="E[x|z] at the same z to data."),
    Metric("quality.kid.floor", "KID of data to data", "", meaning="0 but for chance."),
    Metric("quality.prdc.precision", "Precision", "share", "higher",
           meaning="Of the samples, in reach of the data (Kynk\u00e4\u00e4nniemi et al. 2019)."),
    Metric("quality.prdc.recall", "Recall", "share", "higher",
           meaning="Of the data, in reach of the samples."),
    Metric("quality.prdc.density", "Density", "", "higher",
           meaning="In how many reaches of data a sample lies, over how many it should "
                   "(Naeem et al. 2020)."),
    Metric("quality.prdc.coverage", "Coverage", "share", "higher",
           meaning="Of the data, with a sample in reach."),
    *(Metric(f"quality.prdc.{part}_floor", f"{part.capitalize()} of data to data",
             meaning="Half of the data in the place of the samples: a perfect model's.")
      for part in ("precision", "recall", "density", "coverage")),
    Metric("quality.inception", "Fr\u00e9chet Inception distance", "", "lower",
           meaning="Samples to data, on the pool features of Inception-v3."),
    Metric("quality.inception.kid.distance", "Kernel Inception distance", "", "lower",
           meaning="The kernel distance on these features."),
    Metric("imputation.rmse", "Imputed cells", "rmse", "lower", sampled=True,
           meaning="Root mean squared error of E[x|observed] in observed cells that were hidden; "
                   "of tables in standard deviations."),
    Metric("imputation.mean_rmse", "\u2026 by the mean", "rmse",
           meaning="The same of the mean of each dimension over the training examples."),
    Metric("imputation.accuracy", "Imputed categories", "accuracy", "higher", sampled=True,
           meaning="How often the likeliest value of a hidden category or truth value is right."),
    Metric("imputation.mode_accuracy", "\u2026 by the mode", "accuracy",
           meaning="The same of the most frequent value in training."),
    Metric("imputation.log_likelihood", "Log-likelihood of hidden cells", "nats a cell", "higher",
           sampled=True, of_fit=True, meaning="log p(hidden|observed)."),
    Metric("imputation.mean_log_likelihood", "\u2026 by a normal", "nats a cell",
           meaning="Of the normal with mean and variance of each dimension in training."),
    Metric("probe.linear", "Linear probe", "accuracy", "higher",
           meaning="Logistic regression on the standardised means, scored on this split."),
    Metric("probe.knn", "Nearest neighbours", "accuracy", "higher",
           meaning="Vote of the nearest of the same means."),
    Metric("probe.majority", "Majority class", "accuracy",
           meaning="What always naming the most frequent class gets."),
    Metric("factors.mig.score", "Mutual information gap", "at most 1", "higher",
           meaning="How much more the best dimension knows of a factor than the second best, as "
                   "a share of its entropy (Chen et al. 2018)."),
    Metric("factors.sap.score", "SAP", "at most 1", "higher",
           meaning="By how much the best dimension tells a factor better than the second best "
                   "(Kumar et al. 2018)."),
    Metric("factors.sap.scaled", "\u2026 of the largest possible", "at most 1", "higher",
           meaning="The same, above guessing."),
    Metric("factors.dci.disentanglement", "Disentanglement", "at most 1", "higher",
           meaning="Whether a dimension is important for one factor only (Eastwood and Williams "
                   "2018)."),
    Metric("factors.dci.completeness", "Completeness", "at most 1", "higher",
           meaning="Whether one dimension only is important for a factor. It rises with idle "
                   "dimensions: not to be compared across latent sizes."),
    Metric("factors.dci.completeness_fair", "\u2026 across latent sizes", "at most 1", "higher",
           meaning="One over the number of dimensions that share a factor."),
    Metric("factors.dci.informativeness", "Informativeness", "at most 1", "higher",
           meaning="How well a forest tells the factors from the code, above guessing."),
    Metric("factors.modularity.score", "Modularity", "at most 1", "higher",
           meaning="Whether a dimension knows of one factor only, idle ones included (Ridgeway "
                   "and Mozer 2018)."),
    Metric("factors.modularity.fair", "\u2026 weighted by information", "at most 1", "higher",
           meaning="The same, idle dimensions left out: comparable across latent sizes."),
    Metric("factors.explicitness.score", "Explicitness", "at most 1", "higher",
           meaning="How well a linear map tells the values of the factors: 2 AUC \u2212 1."),
    Metric("factors.factor_vae.score", "FactorVAE score", "accuracy", "higher",
           meaning="How often the dimension that varies least names the factor that was held "
                   "(Kim and Mnih 2018)."),
    Metric("factors.factor_vae.chance", "\u2026 by guessing", "accuracy",
           meaning="One over the number of factors."),
    Metric("factors.beta_vae.score", "Beta-VAE score", "accuracy", "higher",
           meaning="How often a linear classifier names the factor that pairs share (Higgins et "
                   "al. 2017)."),
)
# fmt: on

METRICS = {metric.name: metric for metric in (*_SCORES, *_COSTS, *_TRAINING, *_EVALUATION)}


def find_metric(name: str) -> Metric | None:
    """Return the row of ``bpd``, ``test/bpd``, ``bounds.100.bpd_se`` or ``test/rate_z2``.

    What has no row of its own is described by that of what holds it; None for other names.
    """
    path = name.rpartition("/")[2].removesuffix("_se")
    if path in METRICS:
        return METRICS[path]
    of_layer = re.fullmatch(r"(?:.*\.)?(rate|active_units)_z(\d+)", path)
    if of_layer:
        return _describe_layer(METRICS[of_layer[1]], int(of_layer[2]))
    holders = [path.rsplit(".", n)[0] for n in range(1, path.count(".") + 1)]
    return next((METRICS[p] for p in (path.rpartition(".")[2], *holders) if p in METRICS), None)


def _describe_layer(whole: Metric, number: int) -> Metric:
    """Return the row of the part that one of several layers of latents has in a number."""
    return replace(
        whole,
        name=f"{whole.name}_z{number}",
        title=f"{whole.title} of z{number}",
        meaning=f"The part of layer {number} of the latents, counted from the data.",
    )


def describe_metric(name: str) -> Metric:
    """Return the row of a metric, or one that has but the name."""
    return find_metric(name) or Metric(name, name)


def published_scores(fit: str = "") -> list[Metric]:
    """Return what training publishes as val/* and test/*, the most important first.

    Args:
        fit: ``mass`` or ``density``, which is then named in the meaning of what is of the fit.
    """
    return [name_fit(metric, fit) for metric in _SCORES]


def run_costs() -> tuple[Metric, ...]:
    """Return what a run costs, which a sweep may have as a further target."""
    return _COSTS


def name_fit(metric: Metric, fit: str) -> Metric:
    """Return the row with its fit named, if it hangs on the fit and that is known."""
    if not (fit and metric.of_fit):
        return metric
    return replace(metric, meaning=f"{metric.meaning} Of the trained fit ({fit}).")


@dataclass(frozen=True)
class Target:
    """The score that checkpoints, early stopping and sweeps use."""

    name: str

    @classmethod
    def of(cls, levels: int | None, has_density: bool = True) -> "Target":
        """Return ``val/bpd`` where the data has levels, else ``val/elbo``.

        Where q(z|x) has no density there is neither: ``val/distortion``.
        """
        if not has_density:
            return cls("val/distortion")
        return cls("val/elbo" if levels is None else "val/bpd")

    @property
    def mode(self) -> Literal["min", "max"]:
        """Which way it is better."""
        return "min" if describe_metric(self.name).search == "minimize" else "max"

    def best(self, rows: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
        """Return the row with the best score, the first of equals."""
        sign = 1 if self.mode == "min" else -1
        return min(rows, key=lambda row: sign * row[self.name])
