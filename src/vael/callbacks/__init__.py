"""Floor 8: what happens around the training step."""
