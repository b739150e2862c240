"""Summarize the scores of the examples as the numbers of evaluation.json."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from vael.config.condition_options import describe_condition
from vael.metrics.catalog import AT_BOUND
from vael.metrics.evidence import NO_BOUND, ONE_CODE
from vael.metrics.scores import add_per_dim
from vael.pretrained.scoring import Columns
from vael.pretrained.trained import Trained
from vael.runs import comparability

FEW = 10  # effective samples: below it a bound hangs on a handful of draws
JACKKNIFE = (
    "estimate of log p(x) with the bias of order 1/k removed (JVI-1, Nowozin 2018); "
    "not a bound, and never ranked by"
)


def summarize_scores(
    trained: Trained, split: str, ks: tuple[int, ...], found: Columns, train: Columns | None
) -> dict[str, Any]:
    """Return the numbers of evaluation.json out of those of the examples.

    Args:
        trained: what was scored.
        split: on which examples.
        ks: k of the bounds, the last is all samples; none where q(z|x) has no density, and so
            log p(x) no bound.
        found: the scores of the examples.
        train: those of as many training examples, for the overfitting gap.
    """
    k = ks[-1] if ks else 1
    has_levels = trained.spec.levels is not None
    names = ("nll", "bpd") if has_levels else ("nll",)
    score_name = names[-1] if ks else "distortion"
    bounds = {str(each): _means({name: found[f"{name}_{each}"] for name in names}) for each in ks}
    scores = add_per_dim(_scores(found, ks, trained), trained.spec, split)
    if train is not None:
        gap = _means({"nll": train[f"nll_{k}"]})
        scores["overfitting_gap"] = bounds[str(k)]["nll"] - gap["nll"]
        scores["overfitting_gap_se"] = math.hypot(bounds[str(k)]["nll_se"], gap["nll_se"])
        scores["overfitting_examples"] = len(train["elbo"])
    spec = trained.spec
    result: dict[str, Any] = {
        "split": split,
        "samples": k,
        "num_examples": len(found["distortion"]),
        "checkpoint": str(trained.checkpoint),
        "data_digest": trained.spec.digest,
        "target": score_name,
        "fit": "mass" if trained.vae.fits_mass else "density",
        "family": trained.vae.family,
        "comparable": comparability.collect_facts(
            split=split,
            k=k,
            score=score_name,
            digest=_digest(trained),
            binarize=trained.config.data.binarize,
            levels=spec.levels,
            num_dims=spec.num_dims,
            family=trained.vae.family,
            condition=describe_condition(trained.config),
        ),
        "bounds": bounds,
        "jackknife": None,
        "ess": _describe_ess(found["ess"]) if ks else None,
        "scores": scores,
    }
    if k > 1:
        unbiased = found["nll_jackknife"]
        means = _means({"nll": unbiased, "bias": found[f"nll_{k}"] - unbiased})
        result["jackknife"] = {**means, "label": JACKKNIFE}
    ranked = found[f"{score_name}_{k}" if ks else score_name]
    lost = int((~np.isfinite(ranked)).sum())
    result["warnings"] = _warnings(trained, result)
    if lost:
        result["warnings"].insert(
            0,
            f"{lost} of {len(ranked)} examples have no finite {score_name}, so no mean over the "
            "examples is a number: the weights have diverged, or an example is out of the "
            "likelihood's reach.",
        )
    return result


def add_uniform_bits(result: Mapping[str, Any], codes: dict[str, Any]) -> None:
    """Add ``bpd_uniform`` to the numbers of codes: bits per dimension under the uniform prior.

    Only the rate is another one: ``M log K``.
    """
    last = result["bounds"][str(result["samples"])]
    if "bpd" in last:
        longer = codes["rate_uniform"] - result["scores"]["rate"]
        codes["bpd_uniform"] = last["bpd"] + longer / (result["comparable"]["D"] * math.log(2))


def _means(columns: Mapping[str, Any]) -> dict[str, float]:
    """Return mean and standard error over the examples of each column."""
    found: dict[str, float] = {}
    for name, values in columns.items():
        found[name] = float(values.mean())
        spread = float(values.std(ddof=1)) if len(values) > 1 else math.nan
        found[f"{name}_se"] = spread / math.sqrt(len(values))
    return found


def _describe_ess(ess: npt.NDArray[np.float64]) -> dict[str, float]:
    return {
        "mean": float(ess.mean()),
        "median": float(np.median(ess)),
        "min": float(ess.min()),
        "share_below_10": float((ess < FEW).mean()),
    }


def _scores(found: Columns, ks: tuple[int, ...], trained: Trained) -> dict[str, float]:
    names = ("elbo", "rate", "distortion", "mse") if ks else ("distortion", "mse")
    scores = {name: float(found[name].mean()) for name in names}
    if ks:
        scores["gap"] = -float(found[f"nll_{ks[-1]}"].mean()) - scores["elbo"]
    scores["scale_at_bound"] = float(found["at_bound"].mean())
    if trained.spec.support == "unit":
        scores["psnr"] = -10 * math.log10(max(scores["mse"], 1e-20))
    return scores


def _digest(trained: Trained) -> str:
    """Return the digest of the data as the model sees it, in the units of its training data."""
    own = trained.spec.digest
    return f"{own} in units of {trained.units}" if trained.units else own


def _warnings(trained: Trained, result: Mapping[str, Any]) -> list[str]:
    found = [f"{NO_BOUND}."] if result["ess"] is None else []
    k = result["samples"]
    if k >= FEW and (median := result["ess"]["median"]) < FEW:
        found.append(
            f"for half of the examples {k} samples are worth {median:.1f} or fewer "
            "(effective sample size): the bound hangs on a handful of draws, and "
            "log p(x) may be far above it."
        )
    share = result["scores"]["scale_at_bound"]
    if share > AT_BOUND:
        found.append(
            f"{share:.0%} of the scales of p(x|z) are at their lower bound: the data is "
            "sharper than its grid lets a score see."
        )
    if trained.vae.is_discrete:
        found.append(f"{ONE_CODE}.")
    if trained.other_data:
        found.append("scored on other data than the run was trained on.")
    return found
