"""Floor 8: where numbers and pictures go."""
