"""Initial values that come from training examples: of a prior, a codebook, of counts."""

import torch
from torch import Tensor

from vael.data.batches import take_batch
from vael.data.module import VaelData
from vael.errors import ConfigError
from vael.models.likelihoods.mixed import Mixed
from vael.models.priors.base import Prior
from vael.models.vae import VAE
from vael.randomness import Noise, Seeds, derive_seed

COUNTED = 10_000  # examples behind the means of counts


def initialise_parts(vae: VAE, data: VaelData, seeds: Seeds) -> None:
    """Start the parts that want it from training examples, drawn without replacement.

    Raises:
        ConfigError: a part wants more of them than there are.
    """
    family = vae.likelihood.family
    if isinstance(family, Mixed) and family.has_counts:  # first: it is part of what is shown
        family.initialise(_draw(data, COUNTED, seeds, "likelihood"))
    for prior in (module for module in vae.modules() if isinstance(module, Prior)):
        wanted, there = prior.num_examples, data.spec.num_train
        if wanted > there:
            raise ConfigError(
                f"prior.components={wanted} must not be larger than the number of training "
                f"examples, {there}, at which they start; set a smaller one."
            )
        if wanted:
            x = _draw(data, wanted, seeds, "prior")
            prior.initialise(vae.show(*vae.split_holes(x)))
    if vae.latents.num_examples:
        x = _draw(data, vae.latents.num_examples, seeds, "latents")
        vae.latents.initialise(vae.show(*vae.split_holes(x)))


def _draw(data: VaelData, most: int, seeds: Seeds, key: str) -> Tensor:
    """Draw up to ``most`` training examples, as the likelihood sees them."""
    source = torch.Generator().manual_seed(derive_seed(seeds.init, key))
    arrays, index = data.select("train")
    chosen = index[torch.randperm(data.spec.num_train, generator=source)[:most].numpy()]
    noise = Noise(seeds.init, "corruption").at(torch.device("cpu"), key)
    x: Tensor = data.preprocess(take_batch(arrays, chosen).x, noise)
    return x
