"""The contract of a score of codes against known factors, as a torchmetrics metric."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torchmetrics
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from vael.errors import DataError

Codes = npt.NDArray[np.float64]
Factors = npt.NDArray[np.int64]

MOST_EXAMPLES = 10_000


class FactorScore(torchmetrics.Metric, ABC):
    """A score of latent codes z for data whose generative factors v are known.

    Codes are points, usually the posterior means; factors are small integers. Every score is
    higher for codes that keep the factors apart. Examples are gathered from all processes and
    taken at even distances where there are more than ``most``; whatever is drawn follows ``seed``.

    Args:
        most: examples to compute with.
        seed: of what is drawn.

    Shape:
        codes: ``(N, d)``, finite.
        factors: ``(N, F)``, integers from 0.

    Raises:
        DataError: there are no factors, or the shapes do not fit.

    Example:
        How many of the factors' values are the nearest integers of the codes.

        >>> class Rounded(FactorScore):
        ...     def score(self, codes, factors):
        ...         return {"score": float((codes.round() == factors).mean())}
        >>> metric = Rounded()
        >>> metric.update(torch.tensor([[0.1], [0.8]]), torch.tensor([[0], [0]]))
        >>> metric.compute()
        {'score': 0.5}
    """

    full_state_update = False
    higher_is_better = True
    is_differentiable = False

    codes: list[Tensor]
    factors: list[Tensor]

    def __init__(self, most: int = MOST_EXAMPLES, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if most < 4:
            raise DataError(f"most must be at least 4 examples, but got {most}.")
        self.most, self.seed = most, seed
        self.add_state("codes", [], dist_reduce_fx="cat")
        self.add_state("factors", [], dist_reduce_fx="cat")

    def update(self, codes: Tensor, factors: Tensor) -> None:
        """Add codes ``(B, d)`` and the factors ``(B, F)`` of the same examples."""
        if factors.ndim != 2 or codes.ndim != 2 or len(codes) != len(factors):
            raise DataError(
                "codes must be (B, d) and factors (B, F) of the same B examples, but got "
                f"{tuple(codes.shape)} and {tuple(factors.shape)}."
            )
        if not factors.shape[1]:
            raise DataError(
                f"{type(self).__name__} needs data with known factors; this has none. "
                "data=sprites has some."
            )
        self.codes.append(codes.detach())
        self.factors.append(factors)

    def compute(self) -> dict[str, float]:
        """Return the numbers of the score by name."""
        codes = dim_zero_cat(self.codes).double().cpu()
        if not torch.isfinite(codes).all():
            raise DataError(f"{type(self).__name__} needs finite codes, but some are not.")
        factors = dim_zero_cat(self.factors).long().cpu()
        kept = torch.linspace(0, len(codes) - 1, min(self.most, len(codes)), dtype=torch.float64)
        index = kept.round().long()
        return self.score(codes[index].numpy(), factors[index].numpy())

    @abstractmethod
    def score(self, codes: Codes, factors: Factors) -> dict[str, float]:
        """Return the numbers for these codes ``(N, d)`` and factors ``(N, F)``."""

    def halves(self, count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return positions to fit to and positions to score on, a random half of all each."""
        order = np.random.default_rng(self.seed).permutation(count)
        return order[: count // 2], order[count // 2 :]
