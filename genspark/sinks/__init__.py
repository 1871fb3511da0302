"""Where rows are written to: a file for each format, and for each way to write it from frames of Spark."""
