"""The processes of a run: ranks, signals, ownership, failures, supervisor. Knows no VAE."""
