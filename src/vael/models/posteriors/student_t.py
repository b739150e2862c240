"""The Student t distribution over z: tails that fall as a power."""

from math import lgamma, log, log1p, pi

import numpy as np
import torch
from torch import Tensor

from vael.errors import ConfigError
from vael.models.posteriors.location_scale import LocationScalePosterior, UnitLaw
from vael.types import Shape

DEGREE = 24  # of the series: the map from the normal is then right to 1e-8
FAR = 12.0  # it holds for noise up to here; float64 normal noise stays below 9
BEND = 8.0  # squared noise where the variable of the series turns from linear to logarithmic
MOST = 1e6  # degrees of freedom: above, gamma functions lose digits, and the law is normal


class UnitStudentT(UnitLaw):
    """``p(t) ~ (1 + t^2 / (df - 2))^(-(df + 1) / 2)``: Student t divided by its deviation.

    Args:
        df: degrees of freedom, above 2.
    """

    def __init__(self, df: float) -> None:
        # most runs need no scipy
        from scipy.special import digamma  # type: ignore[import-untyped]

        self.df = df
        self.log_norm = lgamma((df + 1) / 2) - lgamma(df / 2) - 0.5 * log(pi * (df - 2))
        tails = (df + 1) / 2 * float(digamma((df + 1) / 2) - digamma(df / 2))
        self.negentropy = 0.5 * log(2 * pi) + 0.5 + self.log_norm - tails
        self._coefficients = _fit_tails(df)

    def log_density(self, t: Tensor) -> Tensor:
        """Return ``log norm - (df + 1) / 2 log(1 + t^2 / (df - 2))``, nats."""
        return self.log_norm - 0.5 * (self.df + 1) * torch.log1p(t.square() / (self.df - 2))

    def from_normal(self, eps: Tensor) -> Tensor:
        """Return F^-1(Phi(eps)), right to 1e-8 of itself for ``|eps| <= 12``.

        ``sign(eps) sqrt((df - 2) expm1(eps^2 / df))`` has the right growth; what is left is the
        exponential of a smooth function of ``log(1 + eps^2 / 8)``, a Chebyshev series.
        """
        square = eps.square()
        x = torch.log1p(square / BEND) * (2 / log1p(FAR * FAR / BEND)) - 1
        left = _evaluate(self._coefficients, x.clamp(max=1.0))
        growth = torch.sqrt((self.df - 2) * torch.expm1(square / self.df))
        return torch.sign(eps) * growth * torch.exp(left)


class StudentTPosterior(LocationScalePosterior):
    """Independent Student t dimensions with df degrees of freedom, ``sigma = exp(theta[1])``.

    ``q(z|x) = prod c (1 + u^2 / (df - 2))^(-(df + 1) / 2) / sigma``, ``u = (z - mu) / sigma``, c
    the constant that makes it a density: mean mu, standard deviation sigma. Its KL to a diagonal
    normal is that of the normal with these moments plus a number that df alone decides.

    Args:
        df: degrees of freedom, above 2 (below, the KL to a normal is infinite); the lower, the
            heavier the tails. Up to 4 a sampled ``log p(z)`` has infinite variance.

    Shape:
        theta: ``(*, 2, *Z)``: mu, then the log of the standard deviation.

    Raises:
        ConfigError: df is no number above 2 and up to 1e6.
    """

    def __init__(self, event_shape: Shape, df: float = 5.0) -> None:
        if isinstance(df, bool) or not isinstance(df, int | float) or not 2 < df <= MOST:
            raise ConfigError(
                "posterior.df must be a number above 2 (the KL of a Student t to a normal is "
                f"finite only there) and at most 1e6 (beyond: posterior=normal), but got {df!r}."
            )
        super().__init__(event_shape, UnitStudentT(df))


def _fit_tails(df: float) -> list[float]:
    """Return the Chebyshev series of ``log(F^-1(Phi(u)) / sqrt(df expm1(u^2 / df)))``."""
    from scipy.special import ndtr, stdtrit

    x = np.polynomial.chebyshev.chebpts1(DEGREE + 1)
    square = BEND * np.expm1((x + 1) / 2 * log1p(FAR * FAR / BEND))
    quantile = -stdtrit(df, ndtr(-np.sqrt(square)))
    left = np.log(quantile / np.sqrt(df * np.expm1(square / df)))
    return [float(c) for c in np.polynomial.chebyshev.chebfit(x, left, DEGREE)]


def _evaluate(coefficients: list[float], x: Tensor) -> Tensor:
    """Sum a Chebyshev series by Clenshaw's recurrence."""
    first, *rest = coefficients
    twice, one, two = 2 * x, torch.zeros_like(x), torch.zeros_like(x)
    for c in reversed(rest):
        one, two = torch.addcmul(c - two, twice, one), one
    return torch.addcmul(first - two, x, one)
