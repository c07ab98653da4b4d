"""Makes docs/clients.md: what clients of Redis do by default when a reply is lost."""
