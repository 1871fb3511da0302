"""Storage: the local disk and object stores, addressed in one way."""
