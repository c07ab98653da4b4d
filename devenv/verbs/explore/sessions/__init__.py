"""Exploring a session without a model of it: every order of its requests against their sequences."""
