"""The command line as a person sees it in a terminal."""
