"""Facts that only the data and the devices can tell: to be found in a process of its own.

Finding them imports torch and decodes the data, once, before the workers want it.
"""

from dataclasses import dataclass

from omegaconf import DictConfig


@dataclass(frozen=True)
class Facts:
    """Facts about the data and devices of a config.

    Attributes:
        levels: values of a dimension; None for tables.
        unit: whether they lie in [0, 1].
        accelerator: ``cpu`` or ``gpu``.
        gpus: that this machine has.
        threaded: whether a batch is worth more than one CPU thread.
    """

    levels: int | None
    unit: bool
    accelerator: str
    gpus: int
    threaded: bool


def find_facts(config: DictConfig) -> Facts:
    """Find the facts of a config.

    Raises:
        VaelError: the data cannot be read, or the devices are not there.
    """
    import torch

    from vael.distributed.lightning_import import import_lightning

    import_lightning()  # the sweep waits for this
    from vael.config.build import build_data
    from vael.distributed.lightning import WORTH_THREADS, find_placement
    from vael.randomness import Seeds

    data = build_data(config, Seeds.derive(config.seed))
    data.prepare()
    values = config.data.batch_size * data.spec.num_dims // config.trainer.devices
    accelerator, unit = find_placement(config.trainer).accelerator, data.spec.support == "unit"
    gpus = torch.cuda.device_count()
    return Facts(data.spec.levels, unit, accelerator, gpus, threaded=values >= WORTH_THREADS)
