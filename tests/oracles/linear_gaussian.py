"""The world where all is known: x = W z + b + sigma * noise, z ~ N(0, I).

float64, numpy and scipy only: nothing here comes from the code under test.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import multivariate_normal


@dataclass(frozen=True)
class LinearGaussian:
    """W is (D, d), b is (D,); x is (B, D) everywhere; all results in nats, (B,)."""

    W: np.ndarray
    b: np.ndarray
    sigma: float

    @classmethod
    def draw(
        cls,
        num_dims: int,
        latent_dim: int,
        sigma: float = 0.7,
        seed: int = 0,
        orthogonal: bool = False,
    ) -> "LinearGaussian":
        """A world with random weights; orthogonal columns make the posterior diagonal."""
        rng = np.random.default_rng(seed)
        weights = rng.normal(size=(num_dims, latent_dim))
        if orthogonal:
            weights = np.linalg.qr(weights)[0] * rng.uniform(0.5, 2, size=latent_dim)
        return cls(weights, rng.normal(size=num_dims), sigma)

    @property
    def latent_dim(self) -> int:
        return self.W.shape[1]

    def sample(self, size: int, seed: int = 1) -> np.ndarray:
        rng = np.random.default_rng(seed)
        z = rng.normal(size=(size, self.latent_dim))
        return z @ self.W.T + self.b + self.sigma * rng.normal(size=(size, len(self.b)))

    def log_evidence(self, x: np.ndarray) -> np.ndarray:
        """log N(x; b, W W^T + sigma^2 I)."""
        cov = self.W @ self.W.T + self.sigma**2 * np.eye(len(self.b))
        return np.atleast_1d(multivariate_normal(self.b, cov).logpdf(x))

    def posterior_map(self) -> tuple[np.ndarray, np.ndarray]:
        """A and C with p(z|x) = N(z; A (x - b), C): Bishop 2006, Eq. 2.116-2.117."""
        cov = np.linalg.inv(np.eye(self.latent_dim) + self.W.T @ self.W / self.sigma**2)
        return cov @ self.W.T / self.sigma**2, cov

    def kl(self, mean: np.ndarray, cov: np.ndarray) -> np.ndarray:
        """KL(N(mean, cov) || N(0, I)) for mean (B, d), cov (d, d)."""
        _, logdet = np.linalg.slogdet(cov)
        return 0.5 * (np.trace(cov) + (mean**2).sum(-1) - self.latent_dim - logdet)

    def elbo(self, x: np.ndarray, mean: np.ndarray, cov: np.ndarray) -> np.ndarray:
        """E_q log p(x|z) - KL(q || p) for q = N(mean, cov): the quadratic has a closed mean."""
        error = x - mean @ self.W.T - self.b
        square = (error**2).sum(-1) + np.trace(self.W @ cov @ self.W.T)
        num_dims = len(self.b)
        log_px = -0.5 * num_dims * np.log(2 * np.pi * self.sigma**2) - square / (2 * self.sigma**2)
        return log_px - self.kl(mean, cov)
