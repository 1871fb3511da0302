"""Scores of texts: against references, by likelihood, and of what they have among themselves."""
