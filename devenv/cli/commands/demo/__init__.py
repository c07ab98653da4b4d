"""``devenv demo``."""
