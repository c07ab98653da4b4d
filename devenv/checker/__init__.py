"""Judges what was observed: joins a trace into one story per challenge and tells what went wrong in it."""
