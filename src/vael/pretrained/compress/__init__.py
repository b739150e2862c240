"""Bits-back coding: the examples of a data set as a file of the size of the model's bound."""
