"""The run folder: what it holds, and where its numbers come from."""
