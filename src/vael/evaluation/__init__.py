"""Measure the numbers of a trained model again: evaluate, verify, repeat, vary the seeds."""
