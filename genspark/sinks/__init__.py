"""Sinks, which write rows to tables: one file for each format, and for each way to write it from Spark frames."""
