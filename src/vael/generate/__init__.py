"""Floor 9: what a trained model makes, as files: ``vael generate``."""
