"""Verbs that act on a running stack: up, down, status, toggle, gate."""
