"""The parts of a run for a Lightning trainer of one's own: ``vael.build``."""

from typing import Any

from vael.api.settings import write_settings
from vael.config.build import build_data, build_seeds
from vael.config.compose import compose_config
from vael.config.validate import check_config
from vael.data.module import VaelData
from vael.training.module import LitVAE
from vael.training.setup import build_module


def build(**settings: Any) -> tuple[LitVAE, VaelData]:
    """Build the LightningModule and the DataModule of a config.

    With a plain ``Trainer`` they train, validate and test; a checkpoint that it saves is one
    that `vael.load` reads. Give ``trainer.max_epochs`` here, too, where the learning rate or
    beta is scheduled. What only vael's own runs have - folders, pictures, continuing to the bit -
    is not there.

    Args:
        settings: of the config, ``data="digits", **{"model.latent_dim": 8}``.

    Raises:
        VaelError: a setting or the data cannot work; one line.

    Examples:
        >>> import pytorch_lightning as pl
        >>> lit, data = vael.build(data="digits", **{"model.latent_dim": 8})    # doctest: +SKIP
        >>> trainer = pl.Trainer(max_epochs=3)                                   # doctest: +SKIP
        >>> trainer.fit(lit, data)                                               # doctest: +SKIP
        >>> trainer.test(lit, data)                                              # doctest: +SKIP
    """
    config = compose_config(write_settings(settings))
    check_config(config)
    seeds = build_seeds(config)
    data = build_data(config, seeds)
    data.prepare()
    lit = build_module(config, data, seeds)
    lit.logs_scores = True
    return lit, data
