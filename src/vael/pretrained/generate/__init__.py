"""Generate pictures, animations and arrays with a trained model."""
