"""Draw a run: self-contained pages and their pictures."""
