"""Persons erased from a table and what is kept beside it, and the search that proves it."""
