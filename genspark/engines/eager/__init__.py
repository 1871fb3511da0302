"""Frames in memory as an engine: pandas, Polars and PyArrow."""
