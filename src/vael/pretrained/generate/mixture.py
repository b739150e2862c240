"""Fit a Gaussian mixture to the aggregate posterior, to sample in the place of the prior."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vael.errors import ConfigError


@dataclass(frozen=True)
class Mixture:
    """``sum_k w_k N(z; m_k, L_k L_k^T)`` over flat latents.

    Attributes:
        weights: ``(K,)``.
        means: ``(K, d)``.
        scale_tril: ``(K, d, d)``.
    """

    weights: Tensor
    means: Tensor
    scale_tril: Tensor

    @classmethod
    def fit(cls, z: Tensor, components: int, seed: int) -> "Mixture":
        """Fit by expectation maximisation (scikit-learn), with full covariances.

        It is a sampler after the fact (Ghosh et al. 2020, https://arxiv.org/abs/1903.12436): the
        model is the same, but what is drawn is no longer a sample of *its* p(x).

        Args:
            z: draws of the aggregate posterior ``1/N sum_n q(z|x_n)``, ``(N, d)``.
            components: K.
            seed: of the first guess.

        Raises:
            ConfigError: fewer draws than components.
        """
        from sklearn.mixture import GaussianMixture

        if not 1 <= components <= len(z):
            raise ConfigError(
                f"--components must be from 1 to the {len(z)} encoded examples, but "
                f"got {components}."
            )
        found = GaussianMixture(components, reg_covar=1e-5, random_state=seed, max_iter=200)
        found.fit(z.double().numpy())
        covariances = torch.from_numpy(found.covariances_)
        return cls(
            torch.from_numpy(found.weights_),
            torch.from_numpy(found.means_),
            torch.linalg.cholesky(covariances),
        )

    def sample(self, n: int, temperature: float, generator: torch.Generator) -> Tensor:
        """Draw ``(n, d)`` float32; the temperature scales the spread within each component."""
        k = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        eps = torch.randn(n, self.means.shape[1], 1, generator=generator, dtype=torch.float64)
        return (self.means[k] + temperature * (self.scale_tril[k] @ eps)[..., 0]).float()
