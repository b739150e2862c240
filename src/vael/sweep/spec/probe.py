"""Probe: facts that only the data and the devices can tell, from a process of its own.

The process imports torch and decodes the data, once, before the workers want it; the one that
asks stays small.
"""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass

from omegaconf import DictConfig, OmegaConf

from vael.errors import ConfigError, VaelError


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


def probe_config(config: DictConfig) -> Facts:
    """Find the facts of a config.

    Raises:
        ConfigError: the data cannot be read, or the devices are not there.
    """
    ran = subprocess.run(
        [sys.executable, "-m", "vael.sweep.spec.probe"],
        text=True,
        input=OmegaConf.to_yaml(config),
        capture_output=True,
        check=False,
    )
    if ran.returncode == ConfigError.exit_code:
        raise ConfigError(ran.stderr.strip().removeprefix("vael: "))
    if ran.returncode:
        raise RuntimeError(f"the probe of data and devices failed:\n{ran.stderr}")
    return Facts(**json.loads(ran.stdout.splitlines()[-1]))


def _facts(config: DictConfig) -> Facts:
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


def _main() -> None:
    config = OmegaConf.create(sys.stdin.read())
    assert isinstance(config, DictConfig)
    try:
        print(json.dumps(asdict(_facts(config))))
    except VaelError as error:
        print(f"vael: {error}", file=sys.stderr)
        raise SystemExit(ConfigError.exit_code) from None


if __name__ == "__main__":
    _main()
