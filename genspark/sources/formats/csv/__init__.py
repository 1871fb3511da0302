"""Comma-separated values."""

from genspark.sources.formats.csv.format import Csv

__all__ = ["Csv"]
