"""Train a model: one run from its config to its summary."""
