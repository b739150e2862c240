"""Landscape: a learning curve for any configuration, fitted to recorded ones.

    curve(x) = mean(x) + residual,  mean = Gaussian process over each principal component

of the recorded curves (best epoch so far, in bits/dim), over log latent size, log beta, log lr and
the choices. The residual is that of a recorded curve close by, whole: what a seed and all that
is not smooth changes keeps its course over the epochs. Which one follows from the configuration
and the seed of the study: asked again, a configuration has the same curve, as in vael.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from searching.records import Trial

Array = NDArray[np.float64]
COMPONENTS = 6
NEAR = 12  # recorded curves, one of which lends its residual
SHARE = 0.3  # of it: the rest is what the fit missed. With it searches end as the recorded ones do
OUTLYING = 3.0  # robust standard deviations of the last value, beyond which a curve lends nothing
FITTED = 400  # curves that the lengths of the kernel are fitted to
LENGTHS = ("model.latent_dim", "objective.beta", "optimizer.lr")  # on a log scale
CHOICES = (("likelihood", "bernoulli"), ("likelihood.fit", "density"))
SCALES = ("shared", "predicted")  # of a Gaussian alone


def features(params: Mapping[str, Any], centre: Array, width: Array) -> Array:
    """Return the configuration as numbers of about unit spread."""
    logs = (np.log([float(params[name]) for name in LENGTHS]) - centre) / width
    flags = [float(params[name] == value) for name, value in CHOICES]
    flags += [float(params.get("likelihood.scale") == value) for value in SCALES]
    return np.concatenate([logs, flags])


@dataclass
class Landscape:
    """Fitted curves.

    Attributes:
        epochs: of a whole trial.
        patience: epochs without a better score after which a trial ends by itself.
        residuals: curves that are lent.
        lenders: features of the configurations that they belong to.
    """

    epochs: int
    patience: int
    centre: Array
    width: Array
    mean: Array
    basis: Array
    processes: Sequence[GaussianProcessRegressor]
    residuals: Array
    lenders: Array

    def expect(self, params: Mapping[str, Any]) -> Array:
        """Return the mean curve of a configuration, bits/dim after each epoch."""
        at = features(params, self.centre, self.width)[None]
        weights = np.array([process.predict(at)[0] for process in self.processes])
        return np.exp(self.mean + weights @ self.basis)

    def curve(self, params: Mapping[str, Any], seed: int) -> list[float]:
        """Return the curve that a trial of this configuration reports, until it ends by itself."""
        at = features(params, self.centre, self.width)
        near = np.argsort(((self.lenders - at) ** 2).sum(1))[:NEAR]
        key = json.dumps([seed, sorted(params.items())]).encode()
        drawn = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big")
        found = self.expect(params) * np.exp(self.residuals[near[drawn % len(near)]])
        best, since = math.inf, 0
        for epoch, value in enumerate(found):
            best, since = (value, 0) if value < best else (best, since + 1)
            if since >= self.patience:
                return list(found[: epoch + 1])
        return list(found)


def fit_landscape(trials: Sequence[Trial], epochs: int, patience: int) -> Landscape:
    """Fit the landscape to recorded trials that ended by themselves."""
    used = [t for t in trials if t.state == "complete" and t.curve]
    curves = np.log(np.array([extend(t.curve, epochs) for t in used]))
    logs = np.log([[float(t.params[name]) for name in LENGTHS] for t in used])
    centre, width = logs.mean(0), logs.std(0)
    points = np.array([features(t.params, centre, width) for t in used])
    mean = curves.mean(0)
    _, _, basis = np.linalg.svd(curves - mean, full_matrices=False)
    basis = basis[:COMPONENTS]
    weights = (curves - mean) @ basis.T
    processes, fitted = [], np.zeros_like(weights)
    chosen = np.random.default_rng(0).permutation(len(used))[:FITTED]
    for k in range(len(basis)):
        kernel = ConstantKernel(1.0) * RBF(np.ones(points.shape[1])) + WhiteKernel(0.1)
        first = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0)
        first.fit(points[chosen], weights[chosen, k])
        whole = GaussianProcessRegressor(first.kernel_, optimizer=None, normalize_y=True)
        whole.fit(points, weights[:, k])
        fitted[:, k] = _left_out(whole, points, weights[:, k])
        processes.append(whole)
    residuals = curves - mean - fitted @ basis
    spread = 1.4826 * np.median(np.abs(residuals[:, -1]))
    lend = np.abs(residuals[:, -1]) < OUTLYING * spread
    lent = SHARE * residuals[lend]
    return Landscape(epochs, patience, centre, width, mean, basis, processes, lent, points[lend])


def _left_out(process: GaussianProcessRegressor, points: Array, values: Array) -> Array:
    """Predict each value from all others: y_i - (K^-1 y)_i / (K^-1)_ii."""
    centre, width = values.mean(), values.std()
    inverse = np.linalg.inv(process.kernel_(points))
    found: Array = values - width * (inverse @ ((values - centre) / width)) / np.diag(inverse)
    return found


def extend(curve: Sequence[float], epochs: int) -> list[float]:
    """Continue a curve that ended by itself at its last value, which was no better."""
    return [*curve, *[curve[-1]] * (epochs - len(curve))][:epochs]
