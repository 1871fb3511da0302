"""Parquet files of a table: how they are laid out, written from streamed rows and described; nothing is committed."""
