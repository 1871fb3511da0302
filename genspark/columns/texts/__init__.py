"""Texts: measures by which published rules judge them, and clean ways of writing them."""
