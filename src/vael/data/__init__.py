"""Floor 6: sources that decode once, the cache, batches, and the DataModule."""
