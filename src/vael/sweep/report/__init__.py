"""Floor 10: one self-contained page about a sweep."""
