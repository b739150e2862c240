"""Floor 8: one self-contained page about a run."""
