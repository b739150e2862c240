"""Score examples and data sets; `vael.metrics.catalog` says what each number is."""
