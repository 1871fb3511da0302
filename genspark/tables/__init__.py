"""Tables as they are found: what is in them, what of it is off, and their maintenance. No Spark."""
