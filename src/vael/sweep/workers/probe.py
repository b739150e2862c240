"""Probe: a process that finds the facts of a config, so that the one that asks stays small."""

import json
import os
import tempfile
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from vael.errors import ConfigError
from vael.sweep.spec.facts import Facts
from vael.sweep.workers.command import Command
from vael.sweep.workers.starter import Starter


def probe_config(config: DictConfig, starter: Starter) -> Facts:
    """Find the facts of a config, in a process that this starter starts.

    Raises:
        ConfigError: the data cannot be read, or the devices are not there.
    """
    with tempfile.TemporaryDirectory(prefix="vael-") as folder:
        asked, said = Path(folder) / "asked.yaml", Path(folder) / "said.txt"
        asked.write_text(OmegaConf.to_yaml(config))
        handle = starter.start(Command(("sweep-probe", str(asked)), os.environ, said))
        try:
            while (code := handle.wait(60.0)) is None:
                pass
        finally:
            handle.kill()
        text = said.read_text()
    # libraries may write there, too, before the answer and behind it
    refused = [line for line in text.splitlines() if line.startswith("vael: ")]
    if code == ConfigError.exit_code and refused:
        raise ConfigError(refused[-1].removeprefix("vael: "))
    facts = [line for line in text.splitlines() if line.startswith("{")]
    if code or not facts:
        raise RuntimeError(f"the probe of data and devices failed:\n{text}")
    return Facts(**json.loads(facts[-1]))
