"""A report of a table as one HTML page that works offline: what is in it, beside another table, and how it was made."""

from genspark.report.making import report

__all__ = ["report"]
