"""Specification of a sweep: its file, its space, its snapshot, and the config of each trial."""
