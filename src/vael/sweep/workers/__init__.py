"""The workers of a sweep: each claims trials and runs them, one after another."""
