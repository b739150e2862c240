"""Initial values that come from training examples: pseudo-inputs of a prior, a codebook."""

import torch
from torch import Tensor

from vael.data.batches import take_batch
from vael.data.module import VaelData
from vael.errors import ConfigError
from vael.models.priors.base import Prior
from vael.models.vae import VAE
from vael.randomness import Noise, Seeds, derive_seed


def initialise_parts(vae: VAE, data: VaelData, seeds: Seeds) -> None:
    """Start the parts that want it from training examples, drawn without replacement.

    Raises:
        ConfigError: a part wants more of them than there are.
    """
    for prior in (module for module in vae.modules() if isinstance(module, Prior)):
        wanted, there = prior.num_examples, data.spec.num_train
        if wanted > there:
            raise ConfigError(
                f"prior.components={wanted} must not be larger than the number of training "
                f"examples, {there}, at which they start; set a smaller one."
            )
        if wanted:
            prior.initialise(_draw(vae, data, wanted, seeds, "prior"))
    if vae.latents.num_examples:
        vae.latents.initialise(_draw(vae, data, vae.latents.num_examples, seeds, "latents"))


def _draw(vae: VAE, data: VaelData, most: int, seeds: Seeds, key: str) -> Tensor:
    """Draw up to ``most`` training examples, as the encoder sees them."""
    source = torch.Generator().manual_seed(derive_seed(seeds.init, key))
    arrays, index = data.select("train")
    chosen = index[torch.randperm(data.spec.num_train, generator=source)[:most].numpy()]
    noise = Noise(seeds.init, "corruption").at(torch.device("cpu"), key)
    x = data.preprocess(take_batch(arrays, chosen).x, noise)
    return vae.show(*vae.split_holes(x))
