"""Floor 1: families over x, one a file."""
