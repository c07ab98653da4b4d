"""The control API of a running stack: its HTTP server, and the one client that verbs use."""
