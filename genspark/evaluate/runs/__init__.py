"""Whole evaluations: scores by name, planned, taken of all rows and of slices, and kept."""
