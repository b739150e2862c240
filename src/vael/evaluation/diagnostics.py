"""Diagnose what the bounds do not say: the latents, the pictures, the labels."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

import torch

from vael.errors import ConfigError
from vael.evaluation.diagnostic_inputs import DiagnosticInputs
from vael.metrics.aggregate_posterior import measure_aggregate
from vael.metrics.catalog import ACTIVE_THRESHOLD
from vael.metrics.code_use import measure_codes
from vael.metrics.disentanglement import (
    DCI,
    SAP,
    BetaVaeScore,
    Explicitness,
    FactorScore,
    FactorVaeScore,
    Modularity,
    MutualInformationGap,
)
from vael.metrics.latent_activity import measure_spectrum, variance_over_data
from vael.metrics.probe import probe_labels
from vael.metrics.reconstruction import measure_reconstruction
from vael.metrics.sample_quality import (
    compare_components,
    compare_inception,
    count_components,
    explain_no_inception,
)
from vael.models.codes import CodePriorRecord, CodeRecord
from vael.pretrained.scoring import Part, Scorer
from vael.randomness import Noise

Found = tuple[Mapping[str, Any] | str | None, list[str]]
"""Numbers by name or why there are none, None where nothing fits; warnings for the reader."""


class Diagnosis(NamedTuple):
    """Sections of evaluation.json, empty where nothing fits, and warnings of one sentence each."""

    sections: dict[str, Any]
    warnings: list[str]


FEWEST_SCORED = 100
"""Examples that the scores of known factors need: they are fitted to one half of them."""


def require_factors(scorer: Scorer, part: Part) -> None:
    """Refuse data for which there can be no scores of known factors.

    Raises:
        ConfigError: it has no factors, or too few examples.
    """
    arrays, _ = scorer.trained.data.select(part.split)
    if arrays.factors is None:
        raise ConfigError(
            "--factors, but this data has no known factors, which these scores need: data=sprites "
            "has some; without --factors everything else is scored."
        )
    count = len(scorer.examples(part).index)
    if count < FEWEST_SCORED:
        raise ConfigError(
            f"--factors needs at least {FEWEST_SCORED} examples, but {part.split} has {count}: "
            "use another --split."
        )


def diagnose(inputs: DiagnosticInputs) -> Diagnosis:
    """Return every diagnostic that the inputs allow; the same inputs give the same numbers."""
    sections: dict[str, Any] = {}
    warnings: list[str] = []
    for path, function in DIAGNOSTICS.items():
        section, _, part = path.partition(".")
        found, said = function(inputs)
        warnings += said
        held = sections.setdefault(section, {})
        if found is not None:
            held.update({part: found} if part else found)
    return Diagnosis(sections, warnings)


def _spectrum(inputs: DiagnosticInputs) -> Found:
    found, warnings = measure_spectrum(inputs.q, inputs.p), []
    if not found.active_units:
        warnings.append(
            "no latent dimension is active: the posterior means hardly depend on x (collapse)."
        )
    return asdict(found), warnings


def _layers(inputs: DiagnosticInputs) -> Found:
    """Measure rate and active units of each of several layers, z1 next to the data."""
    found: dict[str, float] = {}
    number = len(inputs.layers)
    for rate, means in inputs.layers:
        active = variance_over_data(means) > ACTIVE_THRESHOLD
        found |= {f"rate_z{number}": rate, f"active_units_z{number}": int(active.sum())}
        number -= 1
    return found or None, []


def _aggregate(inputs: DiagnosticInputs) -> Found:
    """Compare the aggregate posterior with the prior."""
    q = inputs.q
    if not inputs.top_is_exact:
        return None, [
            "there is no mutual information: with latents=chain q(z|x) of the top layer is a "
            "mixture over the layers below, without a density in closed form. Its KL by "
            "dimension is at their means."
        ]
    if isinstance(q, CodeRecord):
        return None, []
    if q.log_marginals(q.mean[:1]) is None:
        return None, [
            "there is no mutual information: the aggregate posterior is estimated where single "
            "dimensions of q(z|x) have a density in closed form, which this posterior does not."
        ]
    if len(q.mean) < 2:
        return None, []
    if inputs.p.mean.ndim == q.mean.ndim:
        return None, [
            "there is no mutual information: each example has its own prior p(z|c), to which no "
            "aggregate posterior of all examples is compared."
        ]
    noise = Noise(inputs.seed, "latent").at(torch.device("cpu"), "aggregate", inputs.split)
    whole, warnings = measure_aggregate(q, inputs.p, noise), []
    if whole.saturated:
        warnings.append(
            f"the mutual information of {whole.mutual_information:.2f} nats is saturated: "
            f"{whole.examples:,} examples can show at most log N = {whole.log_examples:.2f} nats. "
            f"I(x;z) lies between it and the rate, KL(q(z) || p(z)) between 0 and the "
            f"{whole.marginal_kl:.2f} nats estimated, and the total correlation is below "
            f"{whole.total_correlation:.2f} nats."
        )
    return asdict(whole), warnings


def _codes(inputs: DiagnosticInputs) -> Found:
    """Measure the use of discrete codes, and their length under the uniform prior."""
    if not (isinstance(inputs.q, CodeRecord) and isinstance(inputs.p, CodePriorRecord)):
        return None, []
    size = inputs.p.prior.num_codes
    counts = torch.bincount(inputs.q.codes.flatten(), minlength=size)
    length = inputs.q.codes.shape[1]
    return {
        "codebook_size": size,
        "length": length,
        **measure_codes(counts),
        "rate_uniform": length * math.log(size),
    }, []


def _reconstruction(inputs: DiagnosticInputs) -> Found:
    if torch.isnan(inputs.originals).any():
        return None, [
            "reconstructions and samples are not compared with examples that have missing values: "
            "scores.mse is that of the observed ones."
        ]
    return asdict(
        measure_reconstruction(inputs.originals, inputs.reconstructions, _are_images(inputs))
    ), []


def _samples(inputs: DiagnosticInputs) -> Found:
    if not _are_finite(inputs):
        return None, []
    found = compare_components(inputs.originals, inputs.samples, inputs.sample_means)
    return None if found is None else found.sections(), []


def _inception(inputs: DiagnosticInputs) -> Found:
    """Compare samples with data in features of Inception, or say why that is not there."""
    x, drawn = inputs.originals, (inputs.samples, inputs.sample_means)
    if not (_are_images(inputs) and _are_finite(inputs) and count_components(x, drawn[0])):
        return None, []
    return explain_no_inception(x.shape[1]) or compare_inception(x, *drawn).sections(), []


def _are_images(inputs: DiagnosticInputs) -> bool:
    return inputs.originals.ndim == 4 and inputs.spec.support == "unit"


def _are_finite(inputs: DiagnosticInputs) -> bool:
    every = (inputs.originals, inputs.samples, inputs.sample_means)
    return all(bool(torch.isfinite(t).all()) for t in every)


def _probe(inputs: DiagnosticInputs) -> Found:
    """Measure the accuracy of classifiers on the latent means."""
    means, train = inputs.q.mean.flatten(1), inputs.train_means
    if inputs.labels is None or inputs.train_labels is None:
        return None, []
    if not (torch.isfinite(means).all() and torch.isfinite(train).all()):
        return None, ["there is no probe of the labels: some latent means are not finite."]
    scored = probe_labels(train, inputs.train_labels, means, inputs.labels)
    if scored is None:
        return None, []
    warnings = []
    if inputs.split == "train":
        warnings.append("the probes are fitted to examples that they are scored on.")
    if not scored.converged:
        warnings.append("the linear probe's optimiser did not converge: it may do better.")
    return asdict(scored), warnings


FACTOR_SCORES: Mapping[str, type[FactorScore]] = {
    "mig": MutualInformationGap,
    "sap": SAP,
    "dci": DCI,
    "modularity": Modularity,
    "explicitness": Explicitness,
    "factor_vae": FactorVaeScore,
    "beta_vae": BetaVaeScore,
}


def _factors(inputs: DiagnosticInputs) -> Found:
    """Score the latent means against the known factors of the data."""
    means, factors = inputs.q.mean.flatten(1), inputs.factors
    if factors is None or len(means) < FEWEST_SCORED:
        return None, []
    if not torch.isfinite(means).all():
        return None, ["there are no scores of the factors: some latent means are not finite."]
    found: dict[str, Any] = {}
    for name, kind in FACTOR_SCORES.items():
        metric = kind(seed=inputs.seed % 2**32)
        metric.update(means, factors)
        numbers = metric.compute()
        found[name] = {part: value for part, value in numbers.items() if value == value}
    return {**found, "examples": min(len(means), metric.most)}, []


DIAGNOSTICS: Mapping[str, Callable[[DiagnosticInputs], Found]] = {
    "latents.spectrum": _spectrum,
    "latents.aggregate": _aggregate,
    "latents.layers": _layers,
    "latents.codes": _codes,
    "quality.reconstruction": _reconstruction,
    "quality": _samples,
    "quality.inception": _inception,
    "probe": _probe,
    "factors": _factors,
}
"""By where they stand in evaluation.json; their numbers have rows in `vael.metrics.catalog`."""
