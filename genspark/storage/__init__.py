"""Where bytes are: the local disk and object stores, by one kind of name."""
