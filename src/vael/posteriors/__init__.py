"""Floor 1: families over z, one a file."""
