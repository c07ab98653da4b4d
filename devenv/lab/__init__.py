"""Use cases: they wire the parts together."""
