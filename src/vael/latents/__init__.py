"""Floor 4: how z is inferred and sampled."""
