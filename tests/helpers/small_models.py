"""Small untrained models, and examples for them."""

from functools import cache
from types import SimpleNamespace

import numpy as np
from helpers.runs import config_of

from vael.config.build import build_seeds, build_vae
from vael.types import DataSpec

PLAIN = ("model=mlp_vae", "model.encoder.hidden=[8]", "model.decoder.hidden=[8]")


@cache
def build_small_vae(likelihood="beta_binomial", shape=(1, 4, 4), levels=17, extra=()):
    config = config_of(*PLAIN, "model.latent_dim=3", f"likelihood={likelihood}", *extra)
    spec = DataSpec(shape, levels, "unit", 100, 10, 10, raw_levels=levels)
    vae = build_vae(config, spec, build_seeds(config)).eval().requires_grad_(False)
    return SimpleNamespace(vae=vae, spec=spec, config=config)


def draw_levels(count, shape=(1, 4, 4), levels=17, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(levels, size=(count, int(np.prod(shape)))).astype(np.int32)
