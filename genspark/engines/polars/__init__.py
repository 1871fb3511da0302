"""Polars as an engine: scans, draws, kernels and fates of lazy frames."""
