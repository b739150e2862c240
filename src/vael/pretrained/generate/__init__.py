"""Pictures, animations and arrays that a trained model makes."""
