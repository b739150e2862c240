"""Explore a trained model in the browser: sliders, a map of its data, interpolation."""
