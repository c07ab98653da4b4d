"""Frozen vocabulary of the project; imports nothing of it and does no I/O."""
