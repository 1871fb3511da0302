"""Scores of rows: column by column, in pairs, and whole."""
