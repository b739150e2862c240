"""The Student t likelihood, for tables: a few outliers do not drag its location along."""

from collections.abc import Sequence
from math import lgamma, log, pi

import torch
from torch import Tensor

from vael.errors import ConfigError
from vael.models.likelihoods.location_scale import Law, LocationScaleLikelihood


class StudentTLaw(Law):
    """``p(t) ~ (1 + t^2 / df)^(-(df + 1) / 2)``."""

    name = "student_t"

    def __init__(self, df: float) -> None:
        self.df = df
        self.log_norm = lgamma((df + 1) / 2) - lgamma(df / 2) - 0.5 * log(pi * df)

    def log_density(self, t: Tensor, log_sigma: Tensor) -> Tensor:
        """Return ``log norm - (df + 1) / 2 log(1 + t^2 / df) - log sigma``."""
        shape = torch.log1p(t.square() / self.df)
        return self.log_norm - 0.5 * (self.df + 1) * shape - log_sigma

    def quantile(self, noise: Tensor) -> Tensor:
        """Compute it by scipy, on the CPU in float64: torch has no incomplete beta function."""
        from scipy.special import stdtrit  # type: ignore[import-untyped]  # most runs need none

        return torch.as_tensor(stdtrit(self.df, noise.cpu().double().numpy())).to(noise)


class StudentT(LocationScaleLikelihood):
    """Student t likelihood, ``x = mu + sigma t`` with df degrees of freedom in each dimension.

    For data without levels only. Arguments, shapes and errors are those of
    ``LocationScaleLikelihood``; the standard deviation is ``sigma sqrt(df / (df - 2))``.

    Args:
        df: degrees of freedom, above 1 (the mean must exist); the lower, the heavier the tails.

    Raises:
        ConfigError: the data has levels, or df is no finite number above 1.
    """

    def __init__(
        self,
        event_shape: Sequence[int],
        levels: int | None,
        scale: str = "shared",
        sigma: float = 0.5,
        df: float = 4.0,
        fit: str = "auto",
    ) -> None:
        if isinstance(df, bool) or not isinstance(df, int | float) or not 1 < df < float("inf"):
            raise ConfigError(
                f"likelihood.df must be a finite number above 1 (the mean of a Student t exists "
                f"only there), but got {df!r}."
            )
        super().__init__(event_shape, levels, StudentTLaw(df), scale, sigma, fit)
        if levels is not None:
            raise ConfigError(
                "likelihood=student_t is for data without levels (tables, images of any numbers), "
                f"but this data has {levels} levels per dimension: use likelihood=logistic or "
                "laplace, whose tails are heavier than a Gaussian's too."
            )
