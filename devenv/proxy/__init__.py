"""The HTTP/1.1 reverse proxy in front of the pods."""
