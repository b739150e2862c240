"""Floor 9: one self-contained page about a run."""
