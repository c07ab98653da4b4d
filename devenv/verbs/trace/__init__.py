"""``devenv trace``: a run's trace for other tools."""
