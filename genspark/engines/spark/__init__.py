"""Spark as an engine: scans, draws, kernels and fates of Spark DataFrames."""
