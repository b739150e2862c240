"""A family for each group of columns of a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from vael.errors import ConfigError
from vael.models.likelihoods.base import Likelihood, no_levels
from vael.models.likelihoods.bernoulli import Bernoulli
from vael.models.likelihoods.counts import CountLikelihood, NegativeBinomial, Poisson
from vael.models.likelihoods.gaussian import Gaussian
from vael.models.likelihoods.one_hot import OneHot
from vael.models.likelihoods.student_t import StudentT
from vael.models.trace import ObservedRecord
from vael.types import Shape


@dataclass(frozen=True)
class MixedRecord:
    """Independent records over groups of the columns.

    Attributes:
        parts: one for each group.
        places: of its columns, ``(D_g,)`` int64 each.
        order: where each column is among those of all groups in turn, ``(D,)`` int64.
    """

    parts: tuple[ObservedRecord, ...]
    places: tuple[Tensor, ...]
    order: Tensor

    def log_prob(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the sum over the groups of their log densities or masses, nats, ``(S, B)``."""
        terms = []
        for part, at in zip(self.parts, self.places, strict=True):
            own = x.index_select(-1, at)
            if mask is None:
                terms.append(part.log_prob(own))
            else:
                terms.append(part.log_prob(own, mask.index_select(-1, at)))
        return terms[0] if len(terms) == 1 else torch.stack(terms).sum(0)

    def log_mass(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Refuse: of a table there are densities.

        Raises:
            ConfigError: always.
        """
        raise no_levels("likelihood=mixed")

    @property
    def mean(self) -> Tensor:
        """E[x] ``(*lead, D)``: of categories and truth values their probabilities."""
        return self._join([part.mean for part in self.parts])

    def sample(self, noise: Tensor) -> Tensor:
        """Draw x from uniform noise in [0, 1) of shape ``(S, B, D)``."""
        pairs = zip(self.parts, self.places, strict=True)
        return self._join([part.sample(noise.index_select(-1, at)) for part, at in pairs])

    def _join(self, values: list[Tensor]) -> Tensor:
        return torch.cat(values, -1).index_select(-1, self.order)


class Mixed(Likelihood[MixedRecord]):
    """A table whose columns have families of their own, independent given z.

    ``log p(x|z) = sum over groups g of log p_g(x_g|z)``, as in HI-VAE (Nazábal et al. 2020,
    https://arxiv.org/abs/1807.03653): densities of gaussian and student_t columns, which are
    standardised, masses of bernoulli, categorical, poisson and negative_binomial ones, which are
    as they stand in the file. With one group it is that family.

    Args:
        event_shape: ``(D,)`` (a fact of the data).
        levels: None (a fact of the data).
        families: family and variable of each column (a fact of the data: of ``columns``).
        columns: ``auto``, a family for all, or families with the names of their columns; read by
            the data.
        scale: of gaussian and student_t columns, see ``LocationScaleLikelihood``.
        sigma: likewise.
        df: of student_t columns.
        fit: ``density`` or ``auto``.

    Shape:
        theta: ``(*lead, T)``: the parameters of the groups in turn.

    Raises:
        ConfigError: data that is no table.
    """

    support = "real"

    def __init__(
        self,
        event_shape: Sequence[int],
        levels: int | None,
        families: Sequence[tuple[str, str]],
        columns: object = "auto",
        scale: str = "per_dim",
        sigma: float = 0.5,
        df: float = 4.0,
        fit: str = "auto",
    ) -> None:
        super().__init__(event_shape, levels, fit)
        if len(self.event_shape) != 1 or len(families) != self.event_shape[0]:
            raise ConfigError(
                "likelihood=mixed has a family for each column of a table, but this data is of "
                f"{'series' if len(self.event_shape) == 2 else 'images'}: use likelihood=gaussian."
            )
        groups: dict[tuple[str, str], list[int]] = {}
        for at, (family, variable) in enumerate(families):
            key = (family, variable if family == "categorical" else "")
            groups.setdefault(key, []).append(at)
        made: dict[str, Any] = {
            "gaussian": lambda shape: Gaussian(shape, None, scale, sigma),
            "student_t": lambda shape: StudentT(shape, None, scale, sigma, df),
            "bernoulli": lambda shape: Bernoulli(shape, None),
            "categorical": OneHot,
            "poisson": Poisson,
            "negative_binomial": NegativeBinomial,
        }
        self.parts = nn.ModuleList(made[f]((len(at),)) for (f, _), at in groups.items())
        self._at: list[str] = []
        counts = torch.zeros(self.event_shape[0], dtype=torch.bool)
        for number, ((family, _), places) in enumerate(groups.items()):
            self._at.append(f"places_{number}")  # derived, so not in the checkpoint
            self.register_buffer(self._at[-1], torch.tensor(places), persistent=False)
            counts[places] = family in ("poisson", "negative_binomial")
        self.register_buffer("counts", counts, persistent=False)
        order = torch.tensor([at for places in groups.values() for at in places]).argsort()
        self.register_buffer("order", order, persistent=False)
        self.has_counts = bool(counts.any())
        self.register_buffer("shown_shift", torch.zeros(self.event_shape))
        self.register_buffer("shown_scale", torch.ones(self.event_shape))
        self.sizes = [prod(part.theta_shape) for part in self._parts]
        self.num_params = sum(self.sizes)

    counts: Tensor
    order: Tensor
    shown_shift: Tensor
    shown_scale: Tensor

    @property
    def _parts(self) -> list[Likelihood[Any]]:
        return list(self.parts)  # type: ignore[arg-type]

    @property
    def theta_shape(self) -> Shape:
        """``(T,)``."""
        return (self.num_params,)

    def link(self, theta: Tensor) -> MixedRecord:
        """Give each group its parameters."""
        lead = theta.shape[:-1]
        pairs = zip(self._parts, theta.split(self.sizes, -1), strict=True)  # type: ignore[no-untyped-call]
        records = tuple(part(own.reshape(*lead, *part.theta_shape)) for part, own in pairs)
        places = tuple(getattr(self, name) for name in self._at)
        return MixedRecord(records, places, self.order)

    def show(self, x: Tensor) -> Tensor:
        """Return log(1 + k) of counts, standardised, for the encoder, all else as it is."""
        if not self.has_counts:
            return x
        shown = (torch.log1p(x) - self.shown_shift) / self.shown_scale
        return torch.where(self.counts, shown, x)

    def initialise(self, x: Tensor) -> None:
        """Take what counts usually are from training examples ``(N, D)``; NaN is missing."""
        logs = torch.log1p(torch.where(self.counts, x, 0))
        shift = logs.nanmean(0).nan_to_num(0.0)
        scale = (logs - shift).square().nanmean(0).nan_to_num(0.0).sqrt()
        self.shown_shift.copy_(shift)
        self.shown_scale.copy_(torch.where(scale > 0, scale, 1))
        for part, name in zip(self._parts, self._at, strict=True):
            if isinstance(part, CountLikelihood):
                part.initialise(x.index_select(-1, getattr(self, name)))

    def at_bound(self, px: MixedRecord) -> Tensor:
        """Return the share of the scales at their bound, the mean over groups that have any."""
        pairs: list[tuple[Likelihood[Any], Any]] = list(zip(self._parts, px.parts, strict=True))
        shares = [p.at_bound(r) for p, r in pairs if isinstance(p, Gaussian | StudentT)]
        return torch.stack(shares).mean() if shares else px.mean.new_zeros(())
