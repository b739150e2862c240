"""Draw a run: self-contained pages and their pictures."""

from vael.report.page import write_report

__all__ = ["write_report"]
