"""``devenv record`` and ``import``: traffic of files and of the proxy, redacted, made into scenarios."""
