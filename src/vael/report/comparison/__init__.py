"""A page about two runs side by side."""
