"""What a sweep is: its file, its space, its snapshot, and the config of each trial."""
