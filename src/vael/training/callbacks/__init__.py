"""Callbacks of a training: checkpoints, timing, pictures, progress, requests to stop."""
