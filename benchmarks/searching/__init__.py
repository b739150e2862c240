"""Searches recorded and replayed: which sampler and pruner find the best for the fewest epochs."""
