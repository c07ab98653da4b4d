"""The embedded backend: the stack as processes of this machine, without Docker and without root."""
