"""Floor 8: the seconds that a run has taken, over all its attempts."""

import time
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl


class Clock(pl.Callback):
    """Its state in a checkpoint: the seconds up to there.

    What an attempt did after its last checkpoint is lost, and its time is not counted.
    """

    def __init__(self) -> None:
        self.before = 0.0
        self._started = time.perf_counter()

    def start(self, checkpoint: Mapping[str, Any]) -> None:
        """From zero, or from where the checkpoint that the run continues from was saved."""
        states = checkpoint.get("callbacks", {})
        self.before = float(states.get(self.state_key, {}).get("seconds", 0.0))
        self._started = time.perf_counter()

    def seconds(self) -> float:
        """Of this attempt and of what it continues."""
        return self.before + time.perf_counter() - self._started

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"seconds": self.seconds()}
