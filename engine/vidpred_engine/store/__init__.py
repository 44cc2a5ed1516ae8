"""A run on disk: its directory, metric log, status and evaluations, and the registry that indexes all runs."""
