"""Compare two runs on one page."""
