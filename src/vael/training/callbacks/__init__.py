"""Callbacks of a training: checkpoints, timing, pictures, progress, requests to stop."""

from vael.training.callbacks.output_bias import OutputBias

__all__ = ["OutputBias"]
