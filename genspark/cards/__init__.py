"""Descriptions of a written table for people and catalogues: Croissant, OpenLineage and Markdown, one file each."""
