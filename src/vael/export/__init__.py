"""Floor 9: a trained model to take elsewhere: ``vael export``."""
