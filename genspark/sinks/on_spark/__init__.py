"""Sinks of Spark frames: files from Arrow batches in Spark's tasks, Spark's own writers, and the choice among them."""
