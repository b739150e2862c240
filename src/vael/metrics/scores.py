"""Reduce per-example scores to those of a data set, each example counted once."""

import math
from collections.abc import Sequence

import torch
import torchmetrics
from torch import Tensor

from vael.metrics.catalog import ACTIVE_THRESHOLD
from vael.metrics.code_use import measure_codes
from vael.metrics.evidence import Evidence
from vael.models.vae import VAE
from vael.types import DataSpec

OF_DENSITY = ("elbo", "rate", "iwae", "bpd")
"""What there is only where q(z|x) has a density."""
NAMES = ("elbo", "rate", "distortion", "iwae", "mse", "bits", "scale_at_bound")


class Scores(torchmetrics.Metric):
    """Means over examples, in float64, summed over devices by torchmetrics.

    ``active_units`` is the number of latent dimensions whose posterior mean varies over the data
    by more than 0.01 (Burda et al. 2016, https://arxiv.org/abs/1509.00519), over all layers; psnr
    is in dB for data in [0, 1]; ``scale_at_bound`` is the share of the scales of p(x|z) at their
    lower bound. Of discrete latents ``code_usage`` is the share of the codes that occur,
    ``code_perplexity`` exp of the entropy of all codes of all examples together.
    elbo, rate, distortion and iwae are in nats per example, bpd (the mean of `Evidence.bits`) in
    bits per dimension. Of several layers each has its own ``rate_zN`` and ``active_units_zN``,
    z1 next to the data.

    Args:
        latent_size: dimensions of the latents, of all layers.
        has_levels: whether there are bits.
        unit_range: whether the data lies in [0, 1].
        has_density: whether q(z|x) has one.
        layer_sizes: of several layers the dimensions of each, from the top down.
        num_codes: K of discrete latents, 0 of others.
    """

    full_state_update = False
    totals: Tensor
    count: Tensor
    mu_sum: Tensor
    mu_square: Tensor
    layer_rates: Tensor
    code_counts: Tensor

    def __init__(
        self,
        latent_size: int,
        has_levels: bool,
        unit_range: bool,
        has_density: bool = True,
        layer_sizes: Sequence[int] = (),
        num_codes: int = 0,
    ) -> None:
        super().__init__()
        self.num_codes = num_codes
        self.has_density = has_density
        self.latent_size = latent_size
        self.layer_sizes = [*layer_sizes]
        self.has_levels = has_levels
        self.unit_range = unit_range

        def total(size: int) -> Tensor:
            return torch.zeros(size, dtype=torch.float64)

        self.add_state("totals", total(len(NAMES)), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        for name in ("mu_sum", "mu_square"):
            self.add_state(name, total(latent_size), dist_reduce_fx="sum")
        self.add_state("layer_rates", total(len(self.layer_sizes)), dist_reduce_fx="sum")
        self.add_state("code_counts", total(num_codes), dist_reduce_fx="sum")

    @classmethod
    def of(cls, vae: VAE, spec: DataSpec) -> "Scores":
        """Return the scores of this model on this data, empty."""
        sizes = [math.prod(shape) for shape in vae.noise_shapes]
        about = (spec.levels is not None, spec.support == "unit", vae.has_density)
        each = sizes if len(sizes) > 1 else ()
        return cls(sum(sizes), *about, each, vae.latents.num_codes)

    def update(self, seen: Evidence) -> None:
        """Add the examples of one batch."""
        bits = torch.zeros_like(seen.elbo) if seen.bits is None else seen.bits
        columns = (seen.elbo, seen.rate, seen.distortion, seen.iwae, seen.mse, bits, seen.at_bound)
        self.totals += torch.stack([column.sum() for column in columns])
        self.count += len(seen.elbo)
        self.mu_sum += seen.mu.sum(0)
        self.mu_square += (seen.mu**2).sum(0)
        if seen.layer_rates is not None:
            self.layer_rates += seen.layer_rates.sum(0)
        if seen.codes is not None:
            self.code_counts += torch.bincount(seen.codes.flatten(), minlength=self.num_codes)

    def compute(self) -> dict[str, float]:
        """Return the scores by name; ``bpd`` and ``psnr`` only where they mean something."""
        count = int(self.count)
        means = dict(zip(NAMES, (self.totals / count).tolist(), strict=True))
        bits = means.pop("bits")
        variance = self.mu_square / count - (self.mu_sum / count) ** 2
        active = variance > ACTIVE_THRESHOLD
        means["active_units"] = float(active.sum())
        rates, place = (self.layer_rates / count).tolist(), 0
        for layer, size in enumerate(self.layer_sizes):
            name = f"z{len(rates) - layer}"
            means[f"rate_{name}"] = rates[layer]
            means[f"active_units_{name}"] = float(active[place : place + size].sum())
            place += size
        if self.has_levels:
            means["bpd"] = bits
        if self.unit_range:
            means["psnr"] = -10 * math.log10(max(means["mse"], 1e-20))
        if self.num_codes:
            means |= measure_codes(self.code_counts)
        if not self.has_density:
            means = {name: mean for name, mean in means.items() if name not in OF_DENSITY}
        return means


def add_per_dim(scores: dict[str, float], spec: DataSpec, split: str) -> dict[str, float]:
    """Return the scores, and of data with missing values the ELBO per observed dimension, nats.

    It is the sum of the ELBOs over the split, divided by the number of observed values in it.
    """
    if not spec.holes or "elbo" not in scores:
        return scores
    return {**scores, "elbo_per_dim": scores["elbo"] / spec.count_dims(split)}
