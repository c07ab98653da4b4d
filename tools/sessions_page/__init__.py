"""docs/sessions.md: what session libraries lose when two requests of a session are under way at once."""
