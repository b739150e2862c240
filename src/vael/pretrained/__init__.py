"""Use a trained model: load, score, generate, export, explore."""
