"""Floor 3: p(z)."""
