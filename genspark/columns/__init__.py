"""What a column is, and what can be done to it."""
