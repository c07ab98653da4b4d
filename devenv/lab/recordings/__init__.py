"""Recordings: imported from files, made at the proxy, and scenarios reduced to what still fails."""
