"""Score examples and data sets; `vael.metrics.catalog` says what each number is."""

from vael.metrics.catalog import Metric, Target, find_metric, published_scores

__all__ = ["Metric", "Target", "find_metric", "published_scores"]
