"""Floor 9: `vael evaluate` and `vael compare`: honest numbers of a trained model."""
