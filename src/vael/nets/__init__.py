"""Floor 1: networks, ``(N, *in_shape) -> (N, *out_shape)``; no probability in sight."""
