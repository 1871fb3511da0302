"""Gathering each statistic from batches of rows: one file a statistic; collectors.py says which collector is whose."""
