"""Where rows come from and where they go: sources, the Delta sink, the quarantine."""
