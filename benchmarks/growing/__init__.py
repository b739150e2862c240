"""What a search costs as it grows, measured without training, and the waits of many workers."""
