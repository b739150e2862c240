"""Floor 10: a page in the browser to play with a trained model."""
