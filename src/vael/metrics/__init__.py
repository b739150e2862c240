"""Floor 6: scores, streamed over batches and exact over devices."""
