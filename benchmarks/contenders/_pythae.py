"""The nets of `_torch` as pythae wants them."""

from _torch import LATENT, net
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from torch import Tensor, nn


class Encoder(BaseEncoder):
    """The encoder, with the outputs that pythae wants."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.net = encoder

    def forward(self, x: Tensor) -> ModelOutput:
        """Mean and log variance."""
        mu, log_var = self.net(x.flatten(1)).chunk(2, 1)
        return ModelOutput(embedding=mu, log_covariance=log_var)


class Decoder(BaseDecoder):
    """The decoder; pythae wants probabilities."""

    def __init__(self, decoder: nn.Module) -> None:
        super().__init__()
        self.net = nn.Sequential(decoder, nn.Sigmoid())

    def forward(self, z: Tensor) -> ModelOutput:
        """The mean of x."""
        return ModelOutput(reconstruction=self.net(z).reshape(-1, 1, 28, 28))


def vae(model: str) -> VAE:
    """The VAE of pythae for ``mlp`` or ``conv``."""
    encoder, decoder = net(model)
    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=LATENT[model], reconstruction_loss="bce")
    return VAE(config, encoder=Encoder(encoder), decoder=Decoder(decoder))
