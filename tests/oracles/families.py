"""Every family over levels as a law of single dimensions, and the best of one for another."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vael.models.likelihoods.base import Likelihood
from vael.models.likelihoods.bernoulli import Bernoulli
from vael.models.likelihoods.beta_binomial import BetaBinomial
from vael.models.likelihoods.categorical import Categorical
from vael.models.likelihoods.continuous_bernoulli import ContinuousBernoulli
from vael.models.likelihoods.gaussian import Gaussian
from vael.models.likelihoods.laplace import Laplace
from vael.models.likelihoods.logistic import Logistic
from vael.models.likelihoods.logistic_mixture import LogisticMixture

ONE = (1, 1, 1)
Make = Callable[[int], Likelihood[Any]]
FAMILIES: dict[str, Make] = {
    "bernoulli": lambda levels: Bernoulli(ONE, levels),
    "continuous_bernoulli": lambda levels: ContinuousBernoulli(ONE, levels),
    "gaussian": lambda levels: Gaussian(ONE, levels, scale="predicted", sigma=0.2),
    "laplace": lambda levels: Laplace(ONE, levels, scale="predicted", sigma=0.2),
    "logistic": lambda levels: Logistic(ONE, levels, scale="predicted", sigma=0.1),
    "logistic_mixture": lambda levels: LogisticMixture(ONE, levels, components=2, sigma=0.05),
    "beta_binomial": lambda levels: BetaBinomial(ONE, levels),
    "categorical": lambda levels: Categorical(ONE, levels),
}
SPREAD = {
    "gaussian": 0.4,
    "laplace": 0.4,
    "logistic": 0.4,
    "logistic_mixture": 0.4,
    "continuous_bernoulli": 4.0,
}  # of the random theta: no family looks like another


@dataclass(frozen=True)
class World:
    """D independent dimensions of one family, each with parameters of its own.

    Attributes:
        family: of all of them.
        theta: what a decoder emits, ``(D, *theta_shape)``.
        levels: of the data.
    """

    family: Likelihood[Any]
    theta: Tensor
    levels: int

    @classmethod
    def draw(cls, name: str, levels: int, num_dims: int = 6) -> "World":
        """Random parameters."""
        family = FAMILIES[name](levels).double()
        source = torch.Generator().manual_seed(1)
        theta = torch.randn(num_dims, *family.theta_shape, generator=source, dtype=torch.float64)
        theta = theta * SPREAD.get(name, 1.0)
        if name in ("gaussian", "laplace", "logistic"):
            theta[:, 0] += 0.5  # the location: most of the mass inside of the range
        return cls(family, theta, levels)

    def log_table(self, theta: Tensor | None = None) -> Tensor:
        """Log P(k) of each dimension by enumeration, ``(D, levels)``."""
        theta = self.theta if theta is None else theta
        shape = self.family.theta_shape
        grid = torch.arange(self.levels, dtype=torch.float64) / (self.levels - 1)
        x = grid.repeat(len(theta)).reshape(-1, *ONE)
        repeated = theta.unsqueeze(1).expand(-1, self.levels, *shape).reshape(1, -1, *shape)
        return self.family(repeated).log_mass(x).reshape(-1, self.levels)

    def sample(self, size: int) -> Tensor:
        """Draws by the family's own sampler, ``(size, D)`` in [0, 1]."""
        source = torch.Generator().manual_seed(2)
        noise = torch.rand(size, len(self.theta), *ONE, generator=source, dtype=torch.float64)
        px = self.family(self.theta.expand(size, *self.theta.shape))
        return px.sample(noise).reshape(size, -1)

    def log_mass(self, x: Tensor) -> Tensor:
        """Log P(x) of draws ``(N, D)``, nats, ``(N,)``."""
        px = self.family(self.theta.expand(len(x), *self.theta.shape))
        return px.log_mass(x.reshape(*x.shape, *ONE)).sum(-1)

    def imitate(self, truth: "World") -> "World":
        """This family with the parameters of least KL(truth || this), in each dimension."""
        p = truth.log_table().exp().detach()

        def cost(theta: Tensor) -> Tensor:
            return -(p * self.log_table(theta)).sum(-1)

        starts = [torch.zeros_like(self.theta)]
        if isinstance(self.family, LogisticMixture):
            starts.append(self.theta)  # it has several maxima
        found = torch.stack([_descend(cost, start) for start in starts])
        best = torch.stack([cost(theta).detach() for theta in found]).argmin(0)
        return World(self.family, found[best, torch.arange(len(best))], self.levels)


def _descend(cost: Callable[[Tensor], Tensor], start: Tensor) -> Tensor:
    theta = start.clone().requires_grad_()
    search = torch.optim.LBFGS(
        [theta],
        max_iter=150,
        line_search_fn="strong_wolfe",
        tolerance_grad=1e-9,
        tolerance_change=1e-12,
    )

    def closure() -> Tensor:
        search.zero_grad()
        total = cost(theta).sum()
        total.backward()
        return total

    search.step(closure)
    return theta.detach()
