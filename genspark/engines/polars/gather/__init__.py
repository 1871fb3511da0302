"""Collectors, which gather statistics from batches of rows: one file for each statistic, mapped in collectors.py."""
