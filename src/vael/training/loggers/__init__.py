"""Loggers: metrics.csv, and the boards that a ``logger`` config node makes."""
